//! Raw HTML inside of Markdown: known elements, balanced and of bounded depth.
//!
//! The sanitizer builds a tree as browsers do. Unclosed and misnested elements can make that tree quadratic in the
//! number of tags, so the sanitizer gets none of them.

use std::cell::RefCell;
use std::fmt::Write as _;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};

use super::sanitizer;

/// Longest block of raw HTML, in bytes. A longer one is shown as text: a tag with very many attributes is slow to read.
const MAX_BLOCK_BYTES: usize = 8 * 1024;

/// Largest number of open elements. Deeper ones lose their markup and keep their text.
const MAX_DEPTH: usize = 16;

/// Kind of an element, which decides where it may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ElementKind {
    /// Text inside of a block.
    Inline,
    /// Element without an end tag.
    Void,
    /// Block that contains only text.
    Leaf,
    /// Block that contains blocks.
    Container,
}

/// Elements that raw HTML may use.
const ELEMENTS: [(&str, ElementKind); 49] = {
    use ElementKind::{Container, Inline, Leaf, Void};
    [
        ("a", Inline),
        ("abbr", Inline),
        ("b", Inline),
        ("cite", Inline),
        ("code", Inline),
        ("del", Inline),
        ("dfn", Inline),
        ("em", Inline),
        ("i", Inline),
        ("ins", Inline),
        ("kbd", Inline),
        ("mark", Inline),
        ("q", Inline),
        ("s", Inline),
        ("samp", Inline),
        ("small", Inline),
        ("span", Inline),
        ("strong", Inline),
        ("sub", Inline),
        ("sup", Inline),
        ("u", Inline),
        ("var", Inline),
        ("br", Void),
        ("hr", Void),
        ("img", Void),
        ("wbr", Void),
        ("dt", Leaf),
        ("figcaption", Leaf),
        ("h1", Leaf),
        ("h2", Leaf),
        ("h3", Leaf),
        ("h4", Leaf),
        ("h5", Leaf),
        ("h6", Leaf),
        ("p", Leaf),
        ("pre", Leaf),
        ("summary", Leaf),
        ("blockquote", Container),
        ("dd", Container),
        ("details", Container),
        ("div", Container),
        ("dl", Container),
        ("figure", Container),
        ("li", Container),
        ("ol", Container),
        ("ul", Container),
        ("article", Container),
        ("aside", Container),
        ("section", Container),
    ]
};

/// Raw HTML of a content, with its open elements.
#[derive(Debug, Default)]
pub(super) struct RawHtml {
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Open elements, outermost first.
    open: Vec<(&'static str, ElementKind)>,
    /// Number of open elements that are outside of the current Markdown element. No tag closes them.
    barrier: usize,
    /// HTML of the current call.
    html: String,
    /// Element whose text is left out.
    hidden: Option<&'static str>,
    /// True between the lines of a paragraph, where no block may begin.
    is_inline: bool,
}

impl RawHtml {
    /// Returns the HTML of a tag inside of a paragraph.
    pub(super) fn inline(&mut self, html: &str) -> String {
        self.read(html, true)
    }

    /// Returns the HTML of a block. Its text elements end with the block; its blocks may contain the following Markdown.
    pub(super) fn block(&mut self, html: &str) -> String {
        let mut written = self.read(html, false);
        written.push_str(&self.begin_block());
        written
    }

    /// Closes the elements that no Markdown block may stand in. Returns the end tags.
    pub(super) fn begin_block(&mut self) -> String {
        let state = self.state.get_mut();
        state.close_text(ElementKind::Leaf);
        std::mem::take(&mut state.html)
    }

    /// Enters a Markdown element: tags inside of it close no element outside. Returns the barrier to leave with.
    pub(super) fn enter(&mut self) -> usize {
        let state = self.state.get_mut();
        std::mem::replace(&mut state.barrier, state.open.len())
    }

    /// Leaves a Markdown element, and returns the end tags of the elements that are open in it.
    pub(super) fn leave(&mut self, outer: usize) -> String {
        let state = self.state.get_mut();
        state.close_to(state.barrier);
        state.barrier = outer;
        std::mem::take(&mut state.html)
    }

    fn read(&mut self, html: &str, is_inline: bool) -> String {
        let state = self.state.get_mut();
        state.is_inline = is_inline;
        state.hidden = None;
        if html.len() > MAX_BLOCK_BYTES {
            state.text(html);
            return std::mem::take(&mut state.html);
        }
        let input = BufferQueue::default();
        input.push_back(StrTendril::from(html));
        let tokenizer = Tokenizer::new(Reader(&self.state), html5ever::tokenizer::TokenizerOpts::default());
        // The sink never stops the tokenizer: scripts are hidden text here.
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        std::mem::take(&mut self.state.get_mut().html)
    }
}

/// Receives the tokens of one piece of raw HTML.
struct Reader<'s>(&'s RefCell<State>);

impl TokenSink for Reader<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => return state.tag(&tag),
            Token::CharacterTokens(text) if state.hidden.is_none() => state.text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl State {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        if let Some(hidden) = self.hidden {
            if tag.kind == TagKind::EndTag && name == hidden {
                self.hidden = None;
            }
            return TokenSinkResult::Continue;
        }
        if let Some(hidden) = ["script", "style"].into_iter().find(|hidden| *hidden == name) {
            // Between the lines of a paragraph the end tag comes later, and the text is Markdown.
            if tag.kind == TagKind::StartTag && !self.is_inline {
                self.hidden = Some(hidden);
                return TokenSinkResult::RawData(RawKind::Rawtext);
            }
            return TokenSinkResult::Continue;
        }
        let Some((name, kind)) = ELEMENTS.into_iter().find(|(known, _)| *known == name) else {
            return TokenSinkResult::Continue;
        };
        match tag.kind {
            TagKind::StartTag => self.start(name, kind, tag),
            TagKind::EndTag => self.end(name, kind),
        }
        TokenSinkResult::Continue
    }

    fn start(&mut self, name: &'static str, kind: ElementKind, tag: &Tag) {
        match kind {
            ElementKind::Void if name != "hr" => return self.write_tag(name, tag),
            ElementKind::Inline => {}
            ElementKind::Void | ElementKind::Leaf | ElementKind::Container => {
                if self.is_inline {
                    return;
                }
                self.close_text(ElementKind::Leaf);
                self.close_sibling(name);
            }
        }
        if kind == ElementKind::Void {
            self.write_tag(name, tag);
        } else if self.open.len() < MAX_DEPTH && !(name == "a" && self.is_open("a")) {
            self.open.push((name, kind));
            self.write_tag(name, tag);
        }
    }

    fn end(&mut self, name: &'static str, kind: ElementKind) {
        if self.is_inline && kind != ElementKind::Inline {
            return;
        }
        let open = &self.open[self.barrier..];
        if let Some(place) = open.iter().rposition(|(open, _)| *open == name) {
            self.close_to(self.barrier + place);
        }
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|(open, _)| *open == name)
    }

    /// Closes text elements, and then a block that contains only text.
    fn close_text(&mut self, last: ElementKind) {
        let is_text = |kind| kind == ElementKind::Inline || kind == last;
        let inner = self.open[self.barrier..].iter().position(|(_, kind)| is_text(*kind));
        if let Some(place) = inner {
            self.close_to(self.barrier + place);
        }
    }

    /// Closes the item of a list before the next item of the same list.
    fn close_sibling(&mut self, name: &str) {
        let is_item = |name: &str| match name {
            "li" => 1,
            "dt" | "dd" => 2,
            _ => 0,
        };
        let same = |(open, _): &(&str, ElementKind)| is_item(name) > 0 && is_item(open) == is_item(name);
        if self.open.len() > self.barrier && self.open.last().is_some_and(same) {
            self.close_to(self.open.len() - 1);
        }
    }

    /// Closes all but this number of open elements.
    fn close_to(&mut self, count: usize) {
        while self.open.len() > count {
            if let Some((name, _)) = self.open.pop() {
                let _ = write!(self.html, "</{name}>");
            }
        }
    }

    /// Writes a start tag with the attributes that the sanitizer may keep.
    fn write_tag(&mut self, name: &'static str, tag: &Tag) {
        let _ = write!(self.html, "<{name}");
        for attribute in tag.attrs.iter().filter(|attribute| sanitizer::may_have(name, &attribute.name.local)) {
            let _ = write!(self.html, " {}=\"", &*attribute.name.local);
            self.text(&attribute.value);
            self.html.push('"');
        }
        self.html.push('>');
    }

    /// Writes a text or the value of an attribute.
    fn text(&mut self, text: &str) {
        for char in text.chars() {
            match char {
                '&' => self.html.push_str("&amp;"),
                '<' => self.html.push_str("&lt;"),
                '>' => self.html.push_str("&gt;"),
                '"' => self.html.push_str("&quot;"),
                char => self.html.push(char),
            }
        }
    }
}
