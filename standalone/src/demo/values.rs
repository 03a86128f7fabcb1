//! Random and kept values of a run, and templates that use them.

use std::collections::BTreeMap;

use kit::Clock;
use kit::ids::Ids;
use kit::request_id::RequestId;
use serde_json::Value;

use super::services::DemoAnswer;

/// Longest value that is printed in full, in bytes; a longer one is a token.
const MAX_PLAIN_BYTES: usize = 40;

/// Number of bytes of a token that are printed.
const TOKEN_PREFIX_BYTES: usize = 12;

/// Values of one run. `{run}` and `{request_id}` in a template are random. `$NAME` is kept from an answer, and printed
/// as a shell variable.
pub(super) struct Values {
    /// Distinguishes the users of this run from those of other runs.
    run: String,
    request_id: String,
    kept: BTreeMap<&'static str, String>,
}

impl Values {
    /// Draws the random values of a run.
    pub(super) fn random() -> Self {
        let run = format!("{:08x}", u32::from_ne_bytes(kit::random::bytes()));
        let request_id: RequestId = Ids::new(Clock::system()).next();
        Self::new(run, request_id.to_string())
    }

    fn new(run: String, request_id: String) -> Self {
        Self { run, request_id, kept: BTreeMap::new() }
    }

    pub(super) fn keep(&mut self, name: &'static str, value: String) {
        self.kept.insert(name, value);
    }

    pub(super) fn kept(&self, name: &str) -> Option<&str> {
        self.kept.get(name).map(String::as_str)
    }

    /// Returns the printed form of a template, with its variables.
    pub(super) fn print(&self, template: &str) -> String {
        template.replace("{run}", &self.run).replace("{request_id}", &self.request_id)
    }

    /// Returns the template with the values of its variables.
    ///
    /// # Errors
    /// Returns the name of a variable without a value.
    pub(super) fn fill(&self, template: &str) -> Result<String, String> {
        let printed = self.print(template);
        let mut parts = printed.split('$');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let name = variable(part);
            filled += self.kept(name).ok_or(name)?;
            filled += &part[name.len()..];
        }
        Ok(filled)
    }

    /// Returns an answer's text with all tokens shortened.
    pub(super) fn shorten(&self, answer: &DemoAnswer) -> String {
        let mut secrets =
            self.kept.values().map(String::as_str).filter(|value| value.len() > MAX_PLAIN_BYTES).collect();
        collect_tokens(&answer.json, &mut secrets);
        secrets.into_iter().fold(answer.text.clone(), |text, value| match value.get(..TOKEN_PREFIX_BYTES) {
            Some(start) if value.len() > TOKEN_PREFIX_BYTES => text.replace(value, &format!("{start}…")),
            _ => text,
        })
    }
}

/// Collects the values of all fields with the name of a token.
fn collect_tokens<'v>(json: &'v Value, tokens: &mut Vec<&'v str>) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "token" || name.ends_with("Token") => tokens.push(text),
                    value => collect_tokens(value, tokens),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_tokens(value, tokens)),
        _ => {}
    }
}

/// Returns the name of the variable that follows a `$`.
pub(super) fn variable(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_ascii_uppercase() && letter != '_').unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
impl Values {
    /// Returns the values of a run with known values.
    pub(super) fn fixed() -> Self {
        Self::new("0badcafe".into(), "01a0f0a0-0000-7000-8000-000000000000".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_has_random_and_kept_values() {
        let mut values = Values::fixed();
        values.keep("TOKEN", "a.b.c".into());
        assert_eq!(values.fill("$TOKEN-forged of {run}").unwrap(), "a.b.c-forged of 0badcafe");
        assert_eq!(values.print("$TOKEN of {run}"), "$TOKEN of 0badcafe");
        assert_eq!(values.fill("$TOKEN $POST").unwrap_err(), "POST");
    }

    #[test]
    fn token_is_shortened_and_id_is_not() {
        let mut values = Values::fixed();
        values.keep("POST", "01a0f0a0-0000-7000-8000-000000000000".into());
        values.keep("PAGE", format!("AAAAAGsG8tEB{}og3-JMR2", "x".repeat(41)));
        let json = serde_json::json!({
            "id": values.kept("POST"),
            "nextPageToken": values.kept("PAGE"),
            "tokens": {
                "accessToken": format!("eyJ0eXAiOiJh{}E05K3uAw", "x".repeat(41)),
                "refreshToken": "gpr_0123456789abcdef",
            },
        });
        let shown = values.shorten(&DemoAnswer { text: json.to_string(), json });
        for wanted in ["01a0f0a0-0000-7000-8000-000000000000", "AAAAAGsG8tEB…", "eyJ0eXAiOiJh…", "gpr_01234567…"]
        {
            assert!(shown.contains(&format!("\"{wanted}\"")), "{shown}");
        }
    }
}
