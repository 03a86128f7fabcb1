//! Policy of the HTML: the elements, attributes and URLs that may reach a reader.
//!
//! The list is closed. No element runs a script, loads a document or takes input, and no attribute is a handler. URLs are
//! absolute, `http`, `https` or `mailto`; images are `http` or `https`. Links get `rel="nofollow noopener noreferrer"`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

/// Elements of the HTML.
pub(super) const ELEMENTS: [&str; 55] = [
    "a",
    "abbr",
    "article",
    "aside",
    "b",
    "blockquote",
    "br",
    "cite",
    "code",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "var",
    "wbr",
];

/// Attributes of the elements.
pub(super) const ATTRIBUTES: [(&str, &[&str]); 9] = [
    ("a", &["href", "title"]),
    ("abbr", &["title"]),
    ("code", &["class"]),
    ("details", &["open"]),
    ("dfn", &["title"]),
    ("img", &["src", "alt", "title", "width", "height"]),
    ("ol", &["start"]),
    ("td", &["style"]),
    ("th", &["style"]),
];

const LINK_REL: &str = "nofollow noopener noreferrer";

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    let attributes: HashMap<_, HashSet<_>> =
        ATTRIBUTES.into_iter().map(|(element, names)| (element, names.iter().copied().collect())).collect();
    builder
        .tags(ELEMENTS.into_iter().collect())
        .clean_content_tags(["script", "style"].into_iter().collect())
        .tag_attributes(attributes)
        .generic_attributes(HashSet::new())
        .url_schemes(["http", "https", "mailto"].into_iter().collect())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some(LINK_REL))
        .strip_comments(true)
        .attribute_filter(kept_value);
    builder
});

/// Returns the HTML without all that the policy does not list.
pub(super) fn clean(html: &str) -> String {
    SANITIZER.clean(html).to_string()
}

/// Returns true if the element may have this attribute.
pub(super) fn may_have(element: &str, attribute: &str) -> bool {
    ATTRIBUTES.iter().any(|(name, attributes)| *name == element && attributes.contains(&attribute))
}

/// Returns the value of a listed attribute, or `None` to leave the attribute out.
fn kept_value<'v>(element: &str, attribute: &str, value: &'v str) -> Option<Cow<'v, str>> {
    let is_kept = match (element, attribute) {
        ("img", "src") => has_scheme(value, "http:") || has_scheme(value, "https:"),
        ("img", "width" | "height") | ("ol", "start") => is_number(value),
        ("code", "class") => is_language(value),
        // The alignment of a table's column.
        ("td" | "th", "style") => {
            matches!(value, "text-align: left" | "text-align: center" | "text-align: right")
        }
        _ => true,
    };
    is_kept.then_some(Cow::Borrowed(value))
}

fn has_scheme(url: &str, scheme: &str) -> bool {
    url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

fn is_number(value: &str) -> bool {
    (1..=9).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns true for the class of a code block's language.
fn is_language(value: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-#.".contains(&byte);
    value.strip_prefix("language-").is_some_and(|name| (1..=32).contains(&name.len()) && name.bytes().all(is_allowed))
}
