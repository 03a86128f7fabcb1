//! Filter of audit events: parties by email address or id, and kinds by their names.

use clap::Args;
use gatepost::api::auth::v1::{AuditEventFilter, AuditEventKind};
use kit::cli::CommandFailure;

use crate::console::account::find_user;
use crate::console::client::Client;
use crate::console::rows::KIND_PREFIX;

/// Events to show; all flags that are set must match.
#[derive(Clone, Debug, Args)]
pub struct EventSelection {
    /// Subject of the events: email address or id of a user, me, or key:ID or api-key:ID
    #[arg(long)]
    subject: Option<String>,
    /// Actor of the events: email address or id of a user, me, operator, system, service:NAME, api-key:ID
    #[arg(long)]
    actor: Option<String>,
    /// Kind of the events, such as `login_failed`
    #[arg(long, value_parser = kind)]
    kind: Option<AuditEventKind>,
}

impl EventSelection {
    /// Returns the filter of these events.
    ///
    /// # Errors
    /// Fails if a named user does not exist.
    pub(super) async fn filter(self, client: &Client) -> Result<AuditEventFilter, CommandFailure> {
        Ok(AuditEventFilter {
            subject: party(client, self.subject).await?,
            actor: party(client, self.actor).await?,
            kind: self.kind.map_or(0, Into::into),
            ..AuditEventFilter::default()
        })
    }
}

/// Returns the party as events name it. The id of a deleted user stays as it is.
async fn party(client: &Client, named: Option<String>) -> Result<String, CommandFailure> {
    match named {
        Some(user) if user == "me" || user.contains('@') => Ok(find_user(client, &user).await?.id),
        named => Ok(named.unwrap_or_default()),
    }
}

/// Parses a kind, in any case and with hyphens or underscores, for clap.
fn kind(text: &str) -> Result<AuditEventKind, String> {
    let name = text.to_ascii_uppercase().replace('-', "_");
    let name = name.strip_prefix(KIND_PREFIX).unwrap_or(&name);
    let kind = AuditEventKind::from_str_name(&format!("{KIND_PREFIX}{name}"));
    kind.filter(|kind| *kind != AuditEventKind::Unspecified)
        .ok_or_else(|| "write a kind of docs/operations/audit.md, for example login_failed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_read_in_any_form() {
        for text in ["login_failed", "LOGIN_FAILED", "login-failed", "AUDIT_EVENT_KIND_LOGIN_FAILED"] {
            assert_eq!(kind(text), Ok(AuditEventKind::LoginFailed), "{text}");
        }
        assert!(["", "unspecified", "login failed", "7"].into_iter().all(|text| kind(text).is_err()));
    }
}
