//! `api-keys create`.

use clap::Args;
use gatepost::api::auth::v1::CreateApiKeyRequest;
use kit::cli::{CommandFailure, OutputFormat};

use super::expiry::{Expiry, expiry};
use super::row::print_issued;
use crate::console::client::Client;

/// Key to create.
#[derive(Clone, Debug, Args)]
pub struct NewKey {
    /// Name of the key, for people
    #[arg(value_name = "NAME")]
    name: String,
    /// Role of calls with the key; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Audience that the key is for; may be repeated. Unset: the default ones of the service
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// End of the key: a time such as 2027-01-31T08:00:00Z, a length of time such as 90d, or never
    #[arg(long, value_name = "TIME", default_value = "never", value_parser = expiry)]
    expires: Expiry,
}

/// Creates the key, and prints its secret.
pub(super) async fn create(client: &Client, key: NewKey, format: OutputFormat) -> Result<(), CommandFailure> {
    let NewKey { name, roles, audiences, expires } = key;
    let request = CreateApiKeyRequest { name, roles, audiences, expire_time: expires.timestamp() };
    let made =
        client.call(request, async |services, request| services.api_keys().create_api_key(request).await).await?;
    print_issued(made.api_key.unwrap_or_default(), made.secret, format)
}
