//! `api-keys update`, `rotate` and `revoke`.

use std::time::Duration;

use clap::Args;
use gatepost::api::auth::v1::{ApiKeyPatch, RevokeApiKeyRequest, RotateApiKeyRequest, UpdateApiKeyRequest};
use kit::cli::{CommandFailure, OutputFormat};
use kit::config::duration;
use kit::output;
use prost_types::FieldMask;

use super::expiry::{Expiry, expiry};
use super::list::find;
use super::row::{KeyRow, print_issued};
use crate::console::ask::Consent;
use crate::console::client::Client;
use crate::console::record::print_record;

/// Change of a key.
#[derive(Clone, Debug, Args)]
pub struct KeyChange {
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// New role of the key, in place of all earlier roles; may be repeated
    #[arg(long = "role", value_name = "ROLE", conflicts_with = "no_roles")]
    roles: Vec<String>,
    /// Remove all roles of the key
    #[arg(long)]
    no_roles: bool,
    /// New end of the key: a time such as 2027-01-31T08:00:00Z, a length of time such as 90d, or never
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    expires: Option<Expiry>,
}

/// Time for which earlier secrets stay valid.
#[derive(Clone, Copy, Debug, Args)]
pub struct Overlap {
    /// Time for which earlier secrets stay valid, at most 7d; 0s for a leaked secret
    #[arg(long, default_value = "1h", value_parser = duration)]
    overlap: Duration,
}

impl KeyChange {
    /// Returns the names of the changed fields.
    fn mask(&self) -> FieldMask {
        let fields = [
            (self.name.is_some(), "name"),
            (self.no_roles || !self.roles.is_empty(), "roles"),
            (self.expires.is_some(), "expire_time"),
        ];
        FieldMask { paths: fields.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_owned()).collect() }
    }
}

/// Changes a key.
pub(super) async fn update(
    client: &Client,
    id: String,
    change: KeyChange,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let mask = change.mask();
    if mask.paths.is_empty() {
        return Err(CommandFailure::usage("there is nothing to change: add --name, --role, --no-roles or --expires"));
    }
    let KeyChange { name, roles, expires, .. } = change;
    let patch = ApiKeyPatch { name, roles, expire_time: expires.and_then(Expiry::timestamp) };
    let request = UpdateApiKeyRequest { id, patch: Some(patch), update_mask: Some(mask), etag: String::new() };
    let key = client.call(request, async |services, request| services.api_keys().update_api_key(request).await).await?;
    print_record(&KeyRow::new(key.api_key.unwrap_or_default()), format)
}

/// Gives a key a new secret, and prints it.
pub(super) async fn rotate(
    client: &Client,
    id: String,
    Overlap { overlap }: Overlap,
    consent: Consent,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let key = find(client, id).await?;
    let ends = if overlap.is_zero() { "at once".to_owned() } else { format!("after {}", humantime(overlap)) };
    consent.ask(&format!("Give the key {} ({}) a new secret? Earlier ones end {ends}.", key.id, key.name)).await?;
    let overlap =
        prost_types::Duration::try_from(overlap).map_err(|_| CommandFailure::usage("--overlap is too long"))?;
    let request = RotateApiKeyRequest { id: key.id, overlap: Some(overlap), etag: key.etag };
    let made =
        client.call(request, async |services, request| services.api_keys().rotate_api_key(request).await).await?;
    print_issued(made.api_key.unwrap_or_default(), made.secret, format)
}

/// Revokes a key.
pub(super) async fn revoke(client: &Client, id: String, consent: Consent) -> Result<(), CommandFailure> {
    let key = find(client, id).await?;
    let called = format!("{} ({})", key.id, key.name);
    consent.ask(&format!("Revoke the key {called} for good?")).await?;
    let request = RevokeApiKeyRequest { id: key.id, etag: key.etag };
    client.call(request, async |services, request| services.api_keys().revoke_api_key(request).await).await?;
    output::err(&kit::cli::shown_text(&format!("The key {called} is revoked.")));
    Ok(())
}

/// Returns the length in whole seconds.
fn humantime(length: Duration) -> String {
    format!("{} s", length.as_secs())
}
