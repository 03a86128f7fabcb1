//! Formats a status as text, in the form in which grpcurl prints it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use tonic::Status;
use tonic_types::{ErrorDetail, StatusExt as _};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorInfo<'a> {
    domain: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'a str, &'a str>,
    reason: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BadRequest<'a> {
    field_violations: Vec<FieldViolation<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FieldViolation<'a> {
    field: &'a str,
    description: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceInfo<'a> {
    description: &'a str,
    resource_name: &'a str,
    resource_type: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RetryInfo {
    retry_delay: String,
}

/// A detail of a status as JSON: its type name, then its fields.
#[derive(Serialize)]
struct Any<T> {
    #[serde(rename = "@type")]
    kind: String,
    #[serde(flatten)]
    detail: T,
}

/// Returns the status as text: code, message and details.
pub(super) fn refusal(status: &Status) -> String {
    let mut text = format!("ERROR:\n  Code: {:?}\n  Message: {}", status.code(), status.message());
    let details = status.get_error_details_vec();
    if !details.is_empty() {
        text += "\n  Details:";
    }
    for (number, detail) in details.iter().enumerate() {
        let json = json(detail).replace('\n', "\n    \t");
        let _ = write!(text, "\n  {})\t{json}", number + 1);
    }
    text
}

/// Returns a detail as JSON, or the debug text of a type that the services never send.
fn json(detail: &ErrorDetail) -> String {
    match detail {
        ErrorDetail::ErrorInfo(info) => {
            let metadata = info.metadata.iter().map(|(name, value)| (&**name, &**value)).collect();
            any("ErrorInfo", ErrorInfo { domain: &info.domain, metadata, reason: &info.reason })
        }
        ErrorDetail::BadRequest(bad) => {
            let violations = bad.field_violations.iter();
            let field_violations =
                violations.map(|bad| FieldViolation { field: &bad.field, description: &bad.description }).collect();
            any("BadRequest", BadRequest { field_violations })
        }
        ErrorDetail::ResourceInfo(info) => any(
            "ResourceInfo",
            ResourceInfo {
                description: &info.description,
                resource_name: &info.resource_name,
                resource_type: &info.resource_type,
            },
        ),
        ErrorDetail::RetryInfo(info) => {
            let delay = info.retry_delay.unwrap_or_default().as_secs_f64();
            any("RetryInfo", RetryInfo { retry_delay: format!("{delay}s") })
        }
        other => format!("{other:?}"),
    }
}

fn any<T: Serialize>(name: &str, detail: T) -> String {
    let any = Any { kind: format!("type.googleapis.com/google.rpc.{name}"), detail };
    serde_json::to_string_pretty(&any).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use gatepost::api::auth::v1::ErrorReason;
    use kit::failure::{Violation, invalid_fields};

    use super::*;

    #[test]
    fn refusal_has_the_format_of_grpcurl() {
        let status = invalid_fields::<ErrorReason>(&[Violation::new("name", "must be a name")]);
        let wanted = "ERROR:\n  Code: InvalidArgument\n  Message: name: must be a name\n  Details:\n  \
            1)\t{\n    \t  \"@type\": \"type.googleapis.com/google.rpc.ErrorInfo\",\n    \t  \
            \"domain\": \"auth.gatepost.dev\",\n    \t  \"reason\": \"INVALID_FIELDS\"\n    \t}\n  \
            2)\t{\n    \t  \"@type\": \"type.googleapis.com/google.rpc.BadRequest\",\n    \t  \
            \"fieldViolations\": [\n    \t    {\n    \t      \"field\": \"name\",\n    \t      \
            \"description\": \"must be a name\"\n    \t    }\n    \t  ]\n    \t}";
        assert_eq!(refusal(&status), wanted);
    }
}
