//! What a run of the story draws and keeps, and the templates that it fills.

use std::collections::BTreeMap;

use kit::Clock;
use kit::ids::Ids;
use serde_json::Value;

use super::services::Answer;

/// A longer value is shown shortened: it is a token.
const SHOWN: usize = 40;

/// The bytes of a token that are shown.
const CUT: usize = 12;

/// The values of one run. A template has `{run}` and `{request_id}`, which are drawn, and `$NAME`, which is kept from an
/// answer and is a shell variable in print.
pub(super) struct Values {
    /// Sets the people of this run apart from those of any other.
    run: String,
    request_id: String,
    kept: BTreeMap<&'static str, String>,
}

impl Values {
    /// Draws what a run needs.
    pub(super) fn drawn() -> Self {
        let run = format!("{:08x}", u32::from_ne_bytes(kit::random::bytes()));
        Self::new(run, Ids::new(Clock::system()).next().to_string())
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

    /// The template as it is printed: the variables stand.
    pub(super) fn print(&self, template: &str) -> String {
        template.replace("{run}", &self.run).replace("{request_id}", &self.request_id)
    }

    /// The template as it is sent.
    ///
    /// # Errors
    /// The name of a variable that no answer has given.
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

    /// An answer's text with its tokens cut after their first characters, whether a step keeps them or not.
    pub(super) fn shorten(&self, answer: &Answer) -> String {
        let mut secrets = self.kept.values().map(String::as_str).filter(|value| value.len() > SHOWN).collect();
        collect_tokens(&answer.json, &mut secrets);
        secrets.into_iter().fold(answer.text.clone(), |text, value| match value.get(..CUT) {
            Some(start) if value.len() > CUT => text.replace(value, &format!("{start}…")),
            _ => text,
        })
    }
}

/// Collects the texts of all fields that are tokens, by their names.
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

/// The variable's name at the start of what follows a `$`.
pub(super) fn variable(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_ascii_uppercase() && letter != '_').unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
impl Values {
    /// A run of which everything is known.
    pub(super) fn fixed() -> Self {
        Self::new("0badcafe".into(), "01a0f0a0-0000-7000-8000-000000000000".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_with_what_was_drawn_and_kept() {
        let mut values = Values::fixed();
        values.keep("TOKEN", "a.b.c".into());
        assert_eq!(values.fill("$TOKEN-forged of {run}").unwrap(), "a.b.c-forged of 0badcafe");
        assert_eq!(values.print("$TOKEN of {run}"), "$TOKEN of 0badcafe");
        assert_eq!(values.fill("$TOKEN $POST").unwrap_err(), "POST");
    }

    #[test]
    fn a_token_is_cut_and_an_id_is_not() {
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
        let shown = values.shorten(&Answer { text: json.to_string(), json });
        for wanted in ["01a0f0a0-0000-7000-8000-000000000000", "AAAAAGsG8tEB…", "eyJ0eXAiOiJh…", "gpr_01234567…"]
        {
            assert!(shown.contains(&format!("\"{wanted}\"")), "{shown}");
        }
    }
}
