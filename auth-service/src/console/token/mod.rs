//! `token inspect`: shows a token, and why a guard would refuse it.

mod shown;

use std::error::Error;

use clap::{Args, Subcommand};
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::{VerifyTokenRequest, VerifyTokenResponse};
use kit::Clock;
use kit::cli::OutputFlags;
use kit::config::Environment;
use secrecy::ExposeSecret as _;

use self::shown::ShownToken;
use super::ask::secret_text;
use super::connection::{ServiceArgs, ServiceFlags};
use super::open::connect;
use super::pace::bounded;
use crate::tokens::Expectations;

const HELP: &str = "\
The token is read from standard input: `printf %s \"$TOKEN\" | gatepost token inspect`. The output has its claims, but not \
the token. Without --auth-url (GATEPOST_AUTH_URL) no service is called. The exit code is 1 if a guard would refuse the token.";

/// Inspect a token
#[derive(Clone, Debug, Args)]
pub struct TokenCommand {
    #[command(subcommand)]
    action: TokenAction,
}

#[derive(Clone, Debug, Subcommand)]
enum TokenAction {
    /// Print the header, the claims and the times of a token, and why a guard would refuse it
    #[command(after_help = HELP)]
    Inspect(InspectFlags),
}

#[derive(Clone, Debug, Args)]
struct InspectFlags {
    /// Issuer that the token must have: that of the auth service
    #[arg(long, value_name = "ISSUER")]
    issuer: Option<String>,
    /// Audience of the guard, which the token must name
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    form: OutputFlags,
}

impl TokenCommand {
    /// Prints the result of the inspection to standard output.
    ///
    /// # Errors
    /// Fails without a token, or if a guard would refuse the token; the error names the failed checks.
    pub(super) async fn run(self, environment: Environment) -> Result<(), Box<dyn Error + Send + Sync>> {
        let TokenAction::Inspect(InspectFlags { issuer, audience, service, form }) = self.action;
        let service = service.flags()?;
        let text = secret_text("Token: ", "the token").await?;
        let now = Clock::system().now();
        let expected = Expectations { issuer, audience };
        let mut shown = ShownToken::inspect(text.expose_secret(), &expected, now);
        match service.url {
            Some(_) => {
                let answer = verify(service, text.expose_secret(), environment).await?;
                shown.add_answer(Some(&answer), expected.audience.as_deref());
            }
            None => shown.add_answer(None, None),
        }
        shown.checks.print(&shown.text(form.output, now))
    }
}

/// Asks the service about the token, which needs no login.
async fn verify(
    service: ServiceFlags,
    token: &str,
    environment: Environment,
) -> Result<VerifyTokenResponse, Box<dyn Error + Send + Sync>> {
    let connection = connect(service, environment)?;
    let mut tokens = TokenServiceClient::new(connection.channel.clone());
    let answer = bounded(VerifyTokenRequest { token: token.to_owned() }, |request| tokens.verify_token(request)).await;
    Ok(answer.map_err(|status| connection.failure(&status))?)
}
