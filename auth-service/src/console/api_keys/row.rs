//! An API key, as commands print it.

use gatepost::api::auth::v1::{ApiKey, ApiKeyState};
use kit::cli::{CommandFailure, ListedRow, OutputFormat};
use kit::output;
use serde::Serialize;

use crate::console::record::print_record;
use crate::console::rows::{cell, joined, time};

/// API key, as commands print it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct KeyRow {
    pub(super) id: String,
    pub(super) name: String,
    state: &'static str,
    roles: Vec<String>,
    audiences: Vec<String>,
    create_time: Option<String>,
    update_time: Option<String>,
    expire_time: Option<String>,
    revoke_time: Option<String>,
    secret_create_time: Option<String>,
    overlap_expire_time: Option<String>,
    last_used_time: Option<String>,
    etag: String,
}

impl KeyRow {
    pub(super) fn new(key: ApiKey) -> Self {
        Self {
            state: match key.state() {
                ApiKeyState::Active => "active",
                ApiKeyState::Expired => "expired",
                ApiKeyState::Revoked => "revoked",
                ApiKeyState::Unspecified => "unknown",
            },
            create_time: key.create_time.map(time),
            update_time: key.update_time.map(time),
            expire_time: key.expire_time.map(time),
            revoke_time: key.revoke_time.map(time),
            secret_create_time: key.secret_create_time.map(time),
            overlap_expire_time: key.overlap_expire_time.map(time),
            last_used_time: key.last_used_time.map(time),
            id: key.id,
            name: key.name,
            roles: key.roles,
            audiences: key.audiences,
            etag: key.etag,
        }
    }
}

impl ListedRow for KeyRow {
    const HEADINGS: &'static [&'static str] = &["ID", "STATE", "ROLES", "AUDIENCES", "EXPIRES", "LAST USED", "NAME"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.state.to_owned(),
            joined(&self.roles),
            joined(&self.audiences),
            cell(self.expire_time.as_deref()),
            cell(self.last_used_time.as_deref()),
            self.name.clone(),
        ]
    }
}

/// Key with a new secret. The type has no `Debug`, so that no log shows the secret.
#[derive(Serialize)]
struct IssuedKey {
    #[serde(flatten)]
    key: KeyRow,
    secret: String,
}

/// Prints a new secret: alone for people and scripts, or with its key as a document.
///
/// # Errors
/// Fails if the output cannot be written. The secret is then lost, and another message says so.
pub(super) fn print_issued(key: ApiKey, secret: String, format: OutputFormat) -> Result<(), CommandFailure> {
    let key = KeyRow::new(key);
    let name = format!("{} ({})", key.id, kit::cli::shown_text(&key.name));
    let printed = match format {
        OutputFormat::Json => print_record(&IssuedKey { key, secret }, format),
        OutputFormat::Table => kit::cli::print(&secret),
    };
    let printed = printed.map_err(CommandFailure::lost);
    output::err(&match printed {
        Ok(()) => format!("The secret of the key {name} is shown only now: store it where the service reads it."),
        Err(_) => {
            format!("The new secret of the key {name} was not printed and is lost: run `api-keys rotate`.")
        }
    });
    printed
}
