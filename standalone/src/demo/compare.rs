//! Compares an answer with the expected one.

use serde_json::Value;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::services::DemoAnswer;
use super::step::{Expected, Want};
use super::values::Values;

/// Compares an answer with the expected one.
///
/// # Errors
/// Returns the first difference as text.
pub(super) fn compare(expected: &Expected, actual: &Result<DemoAnswer, Status>, values: &Values) -> Result<(), String> {
    match (expected, actual) {
        (Expected::Answer(fields), Ok(answer)) => {
            fields.iter().try_for_each(|(pointer, want)| field(pointer, want, &answer.json, values))
        }
        (Expected::Answer(_), Err(_)) => Err("expected an answer".to_owned()),
        (Expected::Refusal { code, reason, message }, actual) => {
            let is_expected = actual.as_ref().is_err_and(|status| {
                status.code() == *code && self::reason(status) == *reason && status.message().contains(message)
            });
            if is_expected {
                Ok(())
            } else {
                Err(format!("expected {code:?}, {reason}, with \"{message}\" in the message"))
            }
        }
    }
}

/// Returns the reason of a status; empty for a status of another program.
pub(super) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

fn field(pointer: &str, want: &Want, answer: &Value, values: &Values) -> Result<(), String> {
    let found = answer.pointer(pointer);
    let name = pointer.trim_start_matches('/').replace('/', ".");
    match want {
        Want::Set if found.is_some() => Ok(()),
        Want::Set => Err(format!("expected {name} to be set")),
        Want::Unset if found.is_none() => Ok(()),
        Want::Unset => Err(format!("expected {name} to be absent")),
        Want::Is(template) => {
            let wanted = values.fill(template).unwrap_or_default();
            let same = found.map(text).is_some_and(|found| found == wanted);
            if same { Ok(()) } else { Err(format!("expected {name} to be \"{wanted}\"")) }
        }
    }
}

/// Returns a JSON value as text, a string without its quotes.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tonic::Code;

    use super::*;

    const USER: Expected = Expected::Answer(&[
        ("/user/name", Want::Is("Ada {run}")),
        ("/user/id", Want::Set),
        ("/user/email", Want::Unset),
    ]);
    const REFUSAL: Expected = Expected::Refusal { code: Code::NotFound, reason: "", message: "not found" };

    fn answer(json: Value) -> DemoAnswer {
        DemoAnswer { text: json.to_string(), json }
    }

    #[test]
    fn answer_is_compared_field_by_field() {
        let values = Values::fixed();
        let compared = |json| compare(&USER, &Ok(answer(json)), &values);
        assert_eq!(compared(json!({"user": {"name": "Ada 0badcafe", "id": "1"}})), Ok(()));
        for (json, problem) in [
            (json!({"user": {"name": "Eve", "id": "1"}}), "expected user.name to be \"Ada 0badcafe\""),
            (json!({"user": {"name": "Ada 0badcafe"}}), "expected user.id to be set"),
            (json!({"user": {"name": "Ada 0badcafe", "id": "1", "email": "a@b"}}), "expected user.email to be absent"),
        ] {
            assert_eq!(compared(json), Err(problem.to_owned()));
        }
        assert!(compare(&USER, &Err(Status::not_found("")), &values).is_err());
    }

    #[test]
    fn refusal_is_compared_by_code_and_message() {
        let values = Values::fixed();
        assert_eq!(compare(&REFUSAL, &Err(Status::not_found("user not found")), &values), Ok(()));
        for actual in [Err(Status::not_found("gone")), Err(Status::aborted("user not found")), Ok(answer(json!({})))] {
            assert!(compare(&REFUSAL, &actual, &values).is_err(), "{actual:?}");
        }
    }
}
