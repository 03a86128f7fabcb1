//! A single result: lines of a name and a value for people, one document for programs.

use kit::cli::{CommandFailure, OutputFormat, json, print, shown_text};
use serde::Serialize;
use serde_json::Value;

use super::rows::cell;

/// Prints a result.
///
/// # Errors
/// Fails if the output cannot be written.
pub(super) fn print_record<R: Serialize>(record: &R, format: OutputFormat) -> Result<(), CommandFailure> {
    let text = match format {
        OutputFormat::Json => json(record),
        OutputFormat::Table => lines(&serde_json::to_value(record).unwrap_or_default()),
    };
    print(&text)
}

/// Returns one line for each field.
fn lines(record: &Value) -> String {
    let fields: Vec<_> = record.as_object().into_iter().flatten().collect();
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let line = |(name, value): &(&String, &Value)| {
        format!("{:<width$}  {}", name.replace('_', " "), shown_text(&cell(Some(&text(value)))))
    };
    fields.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn record_has_a_line_for_each_field() {
        let record = json!({ "roles": ["a", "b"], "last_login_time": null, "name": "A\u{7}", "failed_attempts": 2 });
        let text = lines(&record);
        assert_eq!(text.lines().count(), 4);
        assert!(text.contains("name             A\\u{7}"), "{text}");
        assert!(text.contains("roles            a,b") && text.contains("last login time  -"), "{text}");
    }
}
