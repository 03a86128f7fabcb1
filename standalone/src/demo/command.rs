//! A step as a grpcurl command, in the style of the README.

use super::step::DemoStep;
use super::values::{Values, variable};

/// Largest width of a line, in characters; longer lines are broken.
const MAX_LINE_CHARS: usize = 120;

/// Returns the command, with shell variables for kept values. A step that keeps a value assigns its variable. `access`
/// has the flags for plaintext or TLS.
pub(super) fn line(step: &DemoStep, access: &str, address: &str, values: &Values) -> String {
    let access = Some(access).filter(|access| !access.is_empty()).map(|access| format!(" {access}"));
    let token = step.token.map(|token| format!(" -H \"api-token: {token}\""));
    let mut parts = vec![format!("grpcurl{}{}", access.unwrap_or_default(), token.unwrap_or_default())];
    if step.request != "{}" {
        parts.push(format!("-d {}", quote(&values.print(step.request))));
    }
    parts.push(format!("{address} {}", step.method));
    if let Some(keep) = &step.keeps {
        let key = keep.pointer.rsplit('/').next().unwrap_or_default();
        parts[0] = format!("{}=$({}", keep.name, parts[0]);
        parts.push(format!(r#"| sed -n 's/.*"{key}": "\(.*\)",*/\1/p')"#));
    }
    let line = parts.join(" ");
    if line.chars().count() > MAX_LINE_CHARS { parts.join(" \\\n  ") } else { line }
}

/// Quotes an argument for a shell: in single quotes, or in double quotes if it has a variable.
fn quote(text: &str) -> String {
    if text.split('$').skip(1).all(|part| variable(part).is_empty()) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"").replace('`', "\\`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: &str = "gatepost.blog.v1.PostService/UpdatePost";

    #[test]
    fn short_step_is_one_line() {
        let step = DemoStep::new("", METHOD).token("$TOKEN").request(r#"{"id":"$POST"}"#);
        let wanted = r#"grpcurl -plaintext -H "api-token: $TOKEN" -d "{\"id\":\"$POST\"}" [::1]:2 gatepost.blog.v1.PostService/UpdatePost"#;
        assert_eq!(line(&step, "-plaintext", "[::1]:2", &Values::fixed()), wanted);
    }

    #[test]
    fn step_that_keeps_a_value_assigns_it() {
        let step = DemoStep::new("", METHOD).request(r#"{"patch":{"title":"It's {run}"}}"#).keeps("POST", "/post/id");
        let wanted = r#"POST=$(grpcurl -plaintext \
  -d '{"patch":{"title":"It'\''s 0badcafe"}}' \
  127.0.0.1:2 gatepost.blog.v1.PostService/UpdatePost \
  | sed -n 's/.*"id": "\(.*\)",*/\1/p')"#;
        assert_eq!(line(&step, "-plaintext", "127.0.0.1:2", &Values::fixed()), wanted);
    }
}
