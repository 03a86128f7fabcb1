//! A single result: lines of a name and a value for people, one document for programs.

use std::fmt;

use kit::cli::{CommandFailure, OutputFormat, json, print, shown_text};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::rows::cell;

/// Prints a result.
///
/// # Errors
/// Fails if the output cannot be written.
pub(super) fn print_record<R: Serialize>(record: &R, format: OutputFormat) -> Result<(), CommandFailure> {
    let text = match format {
        OutputFormat::Json => json(record),
        // The text keeps the order of the fields.
        OutputFormat::Table => lines(&serde_json::from_str(&json(record)).unwrap_or_default()),
    };
    print(&text)
}

/// Fields of a document, in its order.
#[derive(Default)]
struct Fields(Vec<Field>);

struct Field {
    name: String,
    value: Value,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a document with fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            fields.push(Field { name, value });
        }
        Ok(Fields(fields))
    }
}

/// Returns one line for each field.
fn lines(Fields(fields): &Fields) -> String {
    let width = fields.iter().map(|field| field.name.len()).max().unwrap_or_default();
    let line = |Field { name, value }: &Field| {
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
    use super::*;

    #[test]
    fn record_has_a_line_for_each_field() {
        let record = r#"{ "roles": ["a", "b"], "last_login_time": null, "name": "A\u0007", "failed_attempts": 2 }"#;
        let expected = ["roles            a,b", "last login time  -", "name             A\\u{7}", "failed attempts  2"];
        assert_eq!(lines(&serde_json::from_str(record).unwrap()).lines().collect::<Vec<_>>(), expected);
    }
}
