//! `users create`: creates a user, with roles if some are named.

use clap::Args;
use gatepost::api::auth::v1::{CreateUserRequest, LogoutRequest, SetUserRolesRequest};
use kit::cli::{CommandFailure, OutputFormat};
use kit::output;
use secrecy::ExposeSecret as _;
use tonic::metadata::MetadataValue;
use uuid::Uuid;

use crate::console::account::user_row;
use crate::console::ask::{PasswordSource, PasswordUse};
use crate::console::client::Client;
use crate::console::record::print_record;

/// Account to create.
#[derive(Clone, Debug, Args)]
pub struct NewAccount {
    /// Email address of the new user
    #[arg(value_name = "EMAIL")]
    email: String,
    /// Name of the new user. Unset: the part of the email address before the @
    #[arg(long)]
    name: Option<String>,
    /// Role of the new user; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    #[command(flatten)]
    password: PasswordSource,
}

/// Creates the user.
pub(super) async fn create(
    client: &Client,
    account: NewAccount,
    format: OutputFormat,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let NewAccount { email, name, roles, password } = account;
    let password = password.read(PasswordUse::New).await?;
    let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
    let request = CreateUserRequest {
        name,
        email,
        password: password.expose_secret().to_owned(),
        // The client repeats the call after it has renewed its token.
        request_id: Uuid::from_bytes(kit::random::bytes()).to_string(),
        ..CreateUserRequest::default()
    };
    let created = client.call(request, async |services, request| services.users().create_user(request).await).await?;
    let id = created.user.unwrap_or_default().id;
    if let Some(tokens) = created.tokens {
        end_first_session(client, &tokens.access_token).await;
    }
    if !roles.is_empty() {
        let request = SetUserRolesRequest { id: id.clone(), roles, ..SetUserRolesRequest::default() };
        let set = client.call(request, async |services, request| services.users().set_user_roles(request).await).await;
        set.map_err(|failure| {
            let text =
                format!("the user {id} was created, but without roles ({failure}): run `users roles {id} --add ROLE`");
            CommandFailure::new(failure.kind, text)
        })?;
    }
    Ok(print_record(&user_row(client, &id).await?, format)?)
}

/// Ends the session that an open registration begins, since its tokens are not used.
async fn end_first_session(client: &Client, token: &str) {
    let Ok(mut own) = token.parse::<MetadataValue<_>>() else { return };
    own.set_sensitive(true);
    let ended = client
        .try_call(LogoutRequest {}, async |services, mut request| {
            request.metadata_mut().insert("api-token", own.clone());
            services.auth().logout(request).await
        })
        .await;
    if !matches!(ended, Ok(Ok(_))) {
        output::err("The first session of the new user could not be ended: `users sessions` lists it.");
    }
}
