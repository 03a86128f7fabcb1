//! Events of the Markdown parser on their way to the HTML: nesting ends at a depth, and raw HTML is balanced.

use std::collections::VecDeque;

use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd};

use super::excerpt::MadeExcerpt;
use super::raw_html::RawHtml;

/// Largest depth of quotes, lists, emphasis and links. Deeper ones lose their markup and keep their text.
const MAX_DEPTH: usize = 32;

/// Facts that are collected while the events pass.
#[derive(Debug, Default)]
pub(super) struct Progress {
    excerpt: MadeExcerpt,
    /// Number of open code blocks and blocks of raw HTML, whose text is not part of the excerpt.
    hidden: usize,
}

/// Events of the parser, as the writer of the HTML gets them.
pub(super) struct Events<'t, 'p> {
    parser: Parser<'t>,
    progress: &'p mut Progress,
    /// Events that the writer gets before the next one of the parser.
    ready: VecDeque<Event<'t>>,
    /// Open elements that count as depth, outermost first. An element below the largest depth has no markup.
    open: Vec<Depth>,
    /// Number of elements of `open` that have markup.
    depth: usize,
    raw: RawHtml,
    /// Text of the open block of raw HTML.
    block: Option<String>,
    /// Number of open images. Their text becomes an attribute, without markup.
    images: usize,
}

/// An open element of the Markdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// Written. Holds the barrier of the raw HTML around it.
    Written(usize),
    /// Too deep: left out.
    LeftOut,
}

impl Progress {
    /// Returns the excerpt.
    pub(super) fn into_excerpt(self) -> String {
        self.excerpt.finish()
    }

    /// Collects the text of an event.
    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(Tag::CodeBlock(_) | Tag::HtmlBlock) => self.hidden += 1,
            Event::End(TagEnd::CodeBlock | TagEnd::HtmlBlock) => self.hidden -= 1,
            Event::Text(text) | Event::Code(text) if self.hidden == 0 => self.excerpt.push(text),
            Event::SoftBreak | Event::HardBreak => self.excerpt.end_word(),
            Event::End(end) if is_block(*end) => self.excerpt.end_word(),
            _ => {}
        }
    }
}

impl<'t, 'p> Events<'t, 'p> {
    pub(super) fn new(parser: Parser<'t>, progress: &'p mut Progress) -> Self {
        Self {
            parser,
            progress,
            ready: VecDeque::new(),
            open: Vec::new(),
            depth: 0,
            raw: RawHtml::default(),
            block: None,
            images: 0,
        }
    }

    /// Converts an event. Leaves the results in `ready`.
    fn pass(&mut self, event: Event<'t>) {
        match event {
            Event::Start(Tag::Image { .. }) => {
                self.images += 1;
                self.ready.push_back(event);
            }
            Event::End(TagEnd::Image) => {
                self.images -= 1;
                self.ready.push_back(event);
            }
            event if self.images > 0 => self.ready.push_back(event),
            Event::Start(Tag::HtmlBlock) => self.block = Some(String::new()),
            Event::End(TagEnd::HtmlBlock) => {
                let block = self.block.take().unwrap_or_default();
                let html = self.raw.block(&block);
                self.html(html);
            }
            Event::Html(html) => match &mut self.block {
                Some(block) => block.push_str(&html),
                None => self.inline(&html),
            },
            Event::InlineHtml(html) => self.inline(&html),
            Event::Start(tag) => self.start(tag),
            Event::End(end) => self.end(end),
            other => self.ready.push_back(other),
        }
    }

    fn inline(&mut self, html: &str) {
        let html = self.raw.inline(html);
        self.html(html);
    }

    fn html(&mut self, html: String) {
        if !html.is_empty() {
            self.ready.push_back(Event::Html(CowStr::from(html)));
        }
    }

    fn start(&mut self, tag: Tag<'t>) {
        if is_block(tag.to_end()) {
            let closed = self.raw.begin_block();
            self.html(closed);
        }
        if has_depth(tag.to_end()) {
            if self.depth >= MAX_DEPTH {
                self.open.push(Depth::LeftOut);
                return;
            }
            self.depth += 1;
            self.open.push(Depth::Written(self.raw.enter()));
        }
        self.ready.push_back(Event::Start(tag));
    }

    fn end(&mut self, end: TagEnd) {
        if has_depth(end) {
            match self.open.pop() {
                Some(Depth::Written(outer)) => {
                    self.depth -= 1;
                    let closed = self.raw.leave(outer);
                    self.html(closed);
                }
                Some(Depth::LeftOut) | None => return,
            }
        } else if is_block(end) {
            let closed = self.raw.begin_block();
            self.html(closed);
        }
        self.ready.push_back(Event::End(end));
    }
}

impl<'t> Iterator for Events<'t, '_> {
    type Item = Event<'t>;

    fn next(&mut self) -> Option<Event<'t>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let Some(event) = self.parser.next() else {
                let closed = self.raw.leave(0);
                return (!closed.is_empty()).then(|| Event::Html(CowStr::from(closed)));
            };
            self.progress.note(&event);
            self.pass(event);
        }
    }
}

/// Returns true for an element that can contain itself, at any depth.
fn has_depth(end: TagEnd) -> bool {
    matches!(
        end,
        TagEnd::BlockQuote(_)
            | TagEnd::List(_)
            | TagEnd::Item
            | TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Link
    )
}

fn is_block(end: TagEnd) -> bool {
    !matches!(end, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image)
}
