//! Failures of calls, as a person at a terminal reads them.

use gatepost::AUTH_DOMAIN;
use gatepost::api::auth::v1::ErrorReason;
use gatepost::tls::ClientTls;
use kit::cli::{CommandFailure, FailureKind, shown_text};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Returns the service's reason in a status.
pub(super) fn reason(status: &Status) -> Option<ErrorReason> {
    let info = status.get_details_error_info().filter(|info| info.domain == AUTH_DOMAIN)?;
    ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason))
}

/// Returns the failure of a call at this place. If the service has not answered, the text names the
/// fault of TLS.
pub(super) fn call_failure(status: &Status, place: &str, tls: Option<&ClientTls>) -> CommandFailure {
    let fault = tls.and_then(ClientTls::last_fault).filter(|_| reason(status).is_none());
    match fault {
        Some(fault) => {
            let text =
                format!("{place} cannot be called over TLS ({fault}): see --ca, --client-cert and --server-name");
            CommandFailure::new(FailureKind::Unavailable, text)
        }
        None => refusal(status, place),
    }
}

/// Returns the failure of a call at this place.
pub(super) fn refusal(status: &Status, place: &str) -> CommandFailure {
    let kind = kind(status);
    // The text may be that of any program that answers at the address.
    let said = shown_text(status.message());
    let text = match (status.code(), reason(status)) {
        (_, Some(ErrorReason::InvalidFields)) => return CommandFailure::new(kind, violations(status)),
        (_, Some(ErrorReason::InvalidCredentials)) => "the email address or the password is wrong".to_owned(),
        (Code::Unauthenticated, _) => format!("{place} refuses the credential ({said}): log in again"),
        (Code::PermissionDenied, _) => format!("this needs the role admin ({said}): log in as an admin"),
        (_, Some(ErrorReason::OutcomeUnknown)) => {
            format!("it is unknown if the change was made ({said}): look it up, then run this again")
        }
        (_, Some(ErrorReason::EtagMismatch)) => {
            "another change was made at the same time, and nothing was written: run this again".to_owned()
        }
        (Code::Unavailable | Code::DeadlineExceeded, None) => {
            format!(
                "{place} does not answer ({said}): start the service, or name it with --auth-url (https:// if it uses TLS)"
            )
        }
        (Code::Unimplemented, _) => format!("{place} is not an auth service of this version: name one with --auth-url"),
        (_, None) => {
            format!("{place} failed ({:?}: {said}): see the service's log, then run this again", status.code())
        }
        (_, Some(_)) => said,
    };
    CommandFailure::new(kind, text)
}

fn kind(status: &Status) -> FailureKind {
    match (status.code(), reason(status)) {
        (_, Some(ErrorReason::OutcomeUnknown)) => FailureKind::Refused,
        (Code::NotFound, _) => FailureKind::NotFound,
        (Code::Unauthenticated, _) => FailureKind::Unauthenticated,
        (Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted, _) => FailureKind::Unavailable,
        _ => FailureKind::Refused,
    }
}

/// Returns the bad fields with their rules.
fn violations(status: &Status) -> String {
    let fields = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    let fields = fields.iter().map(|bad| shown_text(&format!("{} {}", bad.field, bad.description)));
    fields.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use gatepost::status::status;

    use super::*;

    #[test]
    fn each_kind_has_its_exit_code() {
        for (code, reason, exit) in [
            (Code::FailedPrecondition, ErrorReason::LastAdmin, 1),
            (Code::DeadlineExceeded, ErrorReason::OutcomeUnknown, 1),
            (Code::PermissionDenied, ErrorReason::NotAllowed, 1),
            (Code::NotFound, ErrorReason::UserNotFound, 3),
            (Code::Unauthenticated, ErrorReason::TokenExpired, 4),
            (Code::ResourceExhausted, ErrorReason::TooManyAttempts, 5),
            (Code::Unavailable, ErrorReason::StoreUnavailable, 5),
        ] {
            assert_eq!(refusal(&status(code, reason, "x"), "http://a:1").kind.exit_code(), exit, "{reason:?}");
        }
    }

    #[test]
    fn text_of_a_strange_program_is_escaped() {
        let strange = refusal(&Status::unknown("\u{1b}[2Jgone"), "http://a:1").to_string();
        assert!(strange.contains("\\u{1b}[2Jgone") && !strange.contains('\u{1b}'), "{strange}");
    }
}
