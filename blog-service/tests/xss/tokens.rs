//! Tags and attributes of the HTML, as an HTML parser reads them.
//!
//! The HTML has no element in which the parser reads text in another way, such as `script` or `textarea`. So its tokens
//! are those of a browser.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use super::payloads::rendered;

/// Elements that a post may have. Written from the documentation of `Post.content_html`, not from the policy.
const ELEMENTS: &str = "a abbr article aside b blockquote br cite code dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 \
     h6 hr i img ins kbd li mark ol p pre q s samp section small span strong sub summary sup table tbody td th thead tr u \
     ul var wbr";

/// Attributes that a post may have.
const ATTRIBUTES: &str = "a.href a.title a.rel abbr.title code.class details.open dfn.title img.src img.alt img.title img.width img.height \
     ol.start td.style th.style";

#[derive(Default)]
struct Faults(RefCell<Vec<String>>);

impl TokenSink for &Faults {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => self.check(&tag),
            Token::CommentToken(_) | Token::DoctypeToken(_) => self.0.borrow_mut().push("a comment".into()),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Faults {
    fn check(&self, tag: &Tag) {
        let mut faults = self.0.borrow_mut();
        if !ELEMENTS.split(' ').any(|element| *element == *tag.name) {
            faults.push(format!("element {}", tag.name));
        }
        for attribute in &tag.attrs {
            let name = format!("{}.{}", tag.name, attribute.name.local);
            let value: &str = &attribute.value;
            let is_good = match name.as_str() {
                "a.href" => ["http:", "https:", "mailto:"].iter().any(|scheme| starts_with(value, scheme)),
                "img.src" => ["http:", "https:"].iter().any(|scheme| starts_with(value, scheme)),
                "a.rel" => value == "nofollow noopener noreferrer",
                "td.style" | "th.style" => value.strip_prefix("text-align: ").is_some_and(|side| side.len() < 7),
                name => ATTRIBUTES.split_whitespace().any(|known| known == name),
            };
            if !is_good {
                faults.push(format!("{name}={value:?}"));
            }
        }
    }
}

fn starts_with(url: &str, scheme: &str) -> bool {
    url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// Returns what the HTML must not have.
fn faults(html: &str) -> Vec<String> {
    let faults = Faults::default();
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let tokenizer = Tokenizer::new(&faults, TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    faults.0.take()
}

#[test]
fn payloads_leave_only_listed_elements_and_urls() {
    for payload in rendered() {
        assert_eq!(faults(&payload.html), [""; 0], "{:?} gives {:?}", payload.content, payload.html);
    }
}

#[test]
fn forbidden_html_is_found() {
    for html in [
        "<script>",
        "<svg>",
        "<b onclick=a>",
        "<a href=javascript:a>",
        "<a href='/a'>",
        "<img src=data:a>",
        "<p style='color: red'>",
        "<!-- a -->",
    ] {
        assert_eq!(faults(html).len(), 1, "{html}");
    }
}
