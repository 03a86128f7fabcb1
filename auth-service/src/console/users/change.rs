//! Commands that help or block one user.

use gatepost::api::auth::v1::{
    DeleteUserRequest, DisableUserRequest, EnableUserRequest, ResetPasswordRequest, UnlockUserRequest,
};
use kit::cli::{CommandFailure, OutputFormat};
use kit::output;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use crate::console::account::{called, find_user};
use crate::console::ask::{Consent, PasswordSource, PasswordUse};
use crate::console::client::Client;
use crate::console::record::print_record;
use crate::console::rows::time;

/// One-time code, as the command prints it.
#[derive(Serialize)]
struct IssuedCode {
    user_id: String,
    code: String,
    expire_time: Option<String>,
}

/// Sets the password of a user.
pub(super) async fn set_password(
    client: &Client,
    named: &str,
    password: &PasswordSource,
    consent: Consent,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let user = find_user(client, named).await?;
    let called = called(&user);
    consent.ask(&format!("Set the password of {called}, and end all sessions?")).await?;
    let new_password = password.read(PasswordUse::New).await?.expose_secret().to_owned();
    let request = ResetPasswordRequest { id: user.id, new_password };
    client.call(request, async |services, request| services.users().reset_password(request).await).await?;
    output::err(&format!("The password of {called} is set, and all sessions are ended."));
    Ok(())
}

/// Issues a one-time code for a user.
pub(super) async fn reset(
    client: &Client,
    named: &str,
    consent: Consent,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let user = find_user(client, named).await?;
    let called = called(&user);
    consent.ask(&format!("Issue a code with which anybody can take over the account of {called}?")).await?;
    let request = ResetPasswordRequest { id: user.id.clone(), new_password: String::new() };
    let issued = client.call(request, async |services, request| services.users().reset_password(request).await).await?;
    let code = IssuedCode { user_id: user.id, code: issued.code, expire_time: issued.expire_time.map(time) };
    let printed = match format {
        OutputFormat::Json => print_record(&code, format),
        // A script takes the code alone.
        OutputFormat::Table => kit::cli::print(&code.code),
    };
    printed.map_err(CommandFailure::lost)?;
    let until = code.expire_time.unwrap_or_default();
    output::err(&format!(
        "{called} sets a new password with this code (CompletePasswordReset) until {until}. Hand it over in private."
    ));
    Ok(())
}

/// Clears the count of a user's wrong passwords.
pub(super) async fn unlock(client: &Client, named: &str) -> Result<(), CommandFailure> {
    let user = find_user(client, named).await?;
    let called = called(&user);
    let request = UnlockUserRequest { id: user.id };
    client.call(request, async |services, request| services.users().unlock_user(request).await).await?;
    output::err(&format!("{called} may try again at once."));
    Ok(())
}

/// Blocks a user.
pub(super) async fn disable(client: &Client, named: &str, consent: Consent) -> Result<(), CommandFailure> {
    let user = find_user(client, named).await?;
    let called = called(&user);
    consent.ask(&format!("Disable {called}, and end all sessions?")).await?;
    let request = DisableUserRequest { id: user.id, etag: String::new() };
    client.call(request, async |services, request| services.users().disable_user(request).await).await?;
    output::err(&format!("{called} is disabled."));
    Ok(())
}

/// Lets a user log in again.
pub(super) async fn enable(client: &Client, named: &str) -> Result<(), CommandFailure> {
    let user = find_user(client, named).await?;
    let called = called(&user);
    let request = EnableUserRequest { id: user.id, etag: String::new() };
    client.call(request, async |services, request| services.users().enable_user(request).await).await?;
    output::err(&format!("{called} may log in."));
    Ok(())
}

/// Erases a user.
pub(super) async fn delete(client: &Client, named: &str, consent: Consent) -> Result<(), CommandFailure> {
    let user = find_user(client, named).await?;
    let called = called(&user);
    consent.ask(&format!("Delete {called} for good?")).await?;
    let request = DeleteUserRequest { id: user.id, etag: user.etag };
    client.call(request, async |services, request| services.users().delete_user(request).await).await?;
    output::err(&format!("{called} is deleted."));
    Ok(())
}
