//! `login` and `logout`: keep a credential for later commands, and end its session.

use std::error::Error;

use clap::Args;
use gatepost::Reaction;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::{ErrorReason, LoginRequest, LogoutRequest};
use kit::ServiceAddress;
use kit::cli::{FailureKind, OutputFlags};
use kit::config::{ConfigError, Environment};
use kit::output;
use secrecy::ExposeSecret as _;

use super::ask::{PasswordSource, PasswordUse, shown};
use super::bearer::with_tokens;
use super::connection::ServiceArgs;
use super::credentials::{CredentialFolder, StoredLogin, StoredTls};
use super::open::{ServiceConnection, open_as};
use super::pace::bounded;
use super::record::print_record;
use super::refusal::{call_failure, reason};
use super::whoami::Whoami;

/// Flags of `login`.
#[derive(Clone, Debug, Args)]
pub struct LoginFlags {
    #[command(flatten)]
    service: ServiceArgs,
    /// Email address of the user. Unset: the command asks for it
    #[arg(long)]
    email: Option<String>,
    #[command(flatten)]
    password: PasswordSource,
    /// Audience of the tokens; may be repeated. Needed if the service's `AUTH_OWN_AUDIENCE` is not in its `AUTH_AUDIENCE`
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    #[command(flatten)]
    form: OutputFlags,
}

/// Flags of `logout`.
#[derive(Clone, Debug, Args)]
pub struct LogoutFlags {
    #[command(flatten)]
    service: ServiceArgs,
}

/// Logs in, and stores the credential for later commands.
pub(super) async fn login(flags: LoginFlags, environment: Environment) -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = CredentialFolder::locate(environment)?;
    // Fails before the question for a password if later commands would refuse the file.
    let known = folder.read()?;
    let service = flags.service.flags()?;
    let place = match &service.url {
        Some(url) => url.clone(),
        None => known_place(known.default.as_deref())?,
    };
    service.check_plaintext(&place)?;
    let stored_tls = StoredTls::new(&service.tls);
    let ServiceConnection { url, channel, tls } = ServiceConnection::open(&place, &service.tls)?;
    let email = match flags.email {
        Some(email) => email,
        None => shown("Email: ", "--email").await?,
    };
    let password = flags.password.read(PasswordUse::Present).await?.expose_secret().to_owned();
    let mut auth = AuthServiceClient::new(channel);
    let request = LoginRequest { email, password, audiences: flags.audiences.clone() };
    let answer = bounded(request, |request| auth.login(request)).await;
    let answer = answer.map_err(|status| call_failure(&status, &url, tls.as_ref()))?;
    let user = answer.user.unwrap_or_default();
    let login = StoredLogin {
        user_id: user.id.clone(),
        email: user.email.clone(),
        access_token: String::new(),
        access_expire_time: 0,
        refresh_token: String::new(),
        audiences: flags.audiences,
        tls: stored_tls,
    };
    let login = with_tokens(login, answer.tokens.unwrap_or_default());
    let locked = folder.lock().await?;
    let mut credentials = locked.read()?;
    credentials.default = Some(url.clone());
    credentials.logins.insert(url.clone(), login);
    locked.write(&credentials)?;
    Ok(print_record(&Whoami::user(&url, user), flags.form.output)?)
}

/// Ends the session of the stored login, and removes its credential.
pub(super) async fn logout(flags: LogoutFlags, environment: Environment) -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = CredentialFolder::locate(environment)?;
    let mut service = flags.service.flags()?;
    let place = match service.url.take() {
        Some(url) => url,
        None => known_place(folder.read()?.default.as_deref())?,
    };
    let url = place.url();
    service.url = Some(place);
    // A token from the environment does not belong to the login.
    let client = open_as(service, folder.clone())?;
    let ended =
        client.try_call(LogoutRequest {}, async |services, request| services.auth().logout(request).await).await;
    match ended {
        Ok(Ok(_)) => {}
        Ok(Err(status)) if reason(&status).is_some_and(is_over) => {}
        Ok(Err(status)) => return Err(client.failure(&status).into()),
        Err(failure) if failure.kind == FailureKind::Unauthenticated => {}
        Err(failure) => return Err(failure.into()),
    }
    let locked = folder.lock().await?;
    let mut credentials = locked.read()?;
    credentials.logins.remove(&url);
    if credentials.default.as_deref() == Some(&url) {
        let mut others = credentials.logins.keys();
        // With several other logins, the next command must name one.
        credentials.default = others.next().cloned().filter(|_| credentials.logins.len() == 1);
    }
    locked.write(&credentials)?;
    output::err(&format!("You are logged out at {url}."));
    Ok(())
}

/// Returns true if the session has ended already.
fn is_over(reason: ErrorReason) -> bool {
    matches!(Reaction::from_reason(reason), Reaction::SessionOver | Reaction::RefreshOnce)
}

fn known_place(default: Option<&str>) -> Result<ServiceAddress, ConfigError> {
    let place = default.and_then(|url| ServiceAddress::parse(url).ok());
    place.ok_or_else(|| {
        ConfigError::setting(
            "--auth-url (GATEPOST_AUTH_URL)",
            "must name the auth service, for example http://127.0.0.1:50051",
        )
    })
}
