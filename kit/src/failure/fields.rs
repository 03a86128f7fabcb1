//! Invalid fields of a request, all named in one status.

use std::borrow::Cow;

use gatepost::status::Reason;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::reasons::{INVALID_FIELDS, details};

/// Maximum number of violations in a status.
const MAX_VIOLATIONS: usize = 20;

/// Field of a request and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request.
    pub field: Cow<'static, str>,
    /// Rule for the field, as a complete sentence.
    pub description: Cow<'static, str>,
}

impl Violation {
    /// Creates a violation of this rule by the field at this path.
    pub fn new(field: impl Into<Cow<'static, str>>, description: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

/// Error that may hold invalid fields.
pub trait BadFields {
    /// Returns the violations; `None` for any other error.
    fn bad_fields(&mut self) -> Option<&mut Vec<Violation>>;
}

/// Returns both values, or the violations of both, so that a caller sees all invalid fields at once.
///
/// # Errors
/// Returns the violations of both if both have some, otherwise the first error.
pub fn both<A, B, E: BadFields>(one: Result<A, E>, other: Result<B, E>) -> Result<(A, B), E> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(mut error), Err(mut other)) => {
            if let (Some(all), Some(more)) = (error.bad_fields(), other.bad_fields()) {
                all.append(more);
            }
            Err(error)
        }
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// Returns `INVALID_ARGUMENT` with each invalid field in details and message: not every client decodes details.
pub fn invalid_fields<R: Reason>(violations: &[Violation]) -> Status {
    let shown = &violations[..violations.len().min(MAX_VIOLATIONS)];
    let mut details = details::<R>(INVALID_FIELDS);
    let mut message = String::new();
    for Violation { field, description } in shown {
        details.add_bad_request_violation(field.as_ref(), description.as_ref());
        message = format!("{message}{}{field}: {description}", if message.is_empty() { "" } else { "; " });
    }
    Status::with_error_details(Code::InvalidArgument, message, details)
}

#[cfg(test)]
mod tests {
    use super::super::Sample;
    use super::*;

    #[test]
    fn status_names_at_most_twenty_invalid_fields() {
        let violations: Vec<_> = (0..25).map(|number| Violation::new("field", format!("rule {number}"))).collect();
        let status = invalid_fields::<Sample>(&violations);
        let named = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!((named.len(), named[19].description.as_str()), (20, "rule 19"));
        assert!(status.message().ends_with("field: rule 19"), "{}", status.message());
    }
}
