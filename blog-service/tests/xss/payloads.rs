//! The payloads, and the places of a content where each of them stands.

use blog_service::domain::Rendering;

/// Payloads of the projects in `../vectors`, and the naughty strings.
const LISTS: [(&str, &str, usize); 3] = [
    ("DOMPurify", include_str!("../vectors/dompurify/payloads.json"), 221),
    ("OWASP", include_str!("../vectors/owasp/payloads.json"), 189),
    ("naughty strings", include_str!("../../../standalone/tests/vectors/naughty-strings/blns.json"), 515),
];

/// HTML of a content with a payload.
pub(crate) struct RenderedPayload {
    /// Content.
    pub(crate) content: String,
    /// Its HTML.
    pub(crate) html: String,
}

/// Returns all payloads.
pub(crate) fn all() -> Vec<String> {
    let mut all = Vec::new();
    for (name, list, count) in LISTS {
        let payloads: Vec<String> = serde_json::from_str(list).unwrap();
        assert_eq!(payloads.len(), count, "{name}");
        all.extend(payloads);
    }
    all
}

/// Renders each payload in each place. NUL is left out, as no content has it.
pub(crate) fn rendered() -> Vec<RenderedPayload> {
    let payloads = all().into_iter().map(|payload| payload.replace('\0', ""));
    let contents = payloads.flat_map(|payload| places(&payload));
    contents
        .map(|content| RenderedPayload { html: Rendering::from_markdown(&content).unwrap().html, content })
        .collect()
}

fn places(payload: &str) -> Vec<String> {
    let line = payload.replace(['\n', '\r'], " ");
    let quoted = payload.replace('\n', "\n> ");
    vec![
        payload.to_owned(),
        format!("text {line} text"),
        format!("*{line}*"),
        format!("# {line}"),
        format!("> {quoted}"),
        format!("- {line}\n- b"),
        format!("`{line}`"),
        format!("```{line}\n{payload}\n```"),
        format!("    {line}"),
        format!("|a|b|\n|-|-|\n|{line}|{line}|"),
        format!("[a]({line})"),
        format!("[a](<{line}>)"),
        format!("![a]({line})"),
        format!("![{line}](https://a.example)"),
        format!("[a](https://a.example \"{line}\")"),
        format!("[{line}][b]\n\n[b]: {line} '{line}'"),
        format!("<{line}>"),
        format!("<a href=\"{line}\">a</a> <img src='{line}' alt={line}>"),
        format!("<div title=\"{line}\">\n{payload}\n\n{line}\n</div>"),
        format!("<details>\n\n{payload}\n\n</details>"),
    ]
}

#[test]
fn payloads_are_rendered_in_each_place() {
    assert_eq!(rendered().len(), all().len() * 20);
}
