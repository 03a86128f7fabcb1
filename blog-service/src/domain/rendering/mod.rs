//! Content of a post as sanitized HTML and as an excerpt of plain text.

mod events;
mod excerpt;
mod raw_html;
mod sanitizer;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write};

use pulldown_cmark::html::write_html_fmt;
use pulldown_cmark::{Options, Parser};

use self::events::{Events, Progress};
use super::text::Content;

pub use excerpt::GivenExcerpt;

/// Longest HTML of a content, in bytes: with its content it fits into the 3 MiB of a page.
const MAX_HTML_BYTES: usize = 3 * 512 * 1024;

/// Longest HTML before the sanitizer, in bytes. The sanitizer needs several times as much memory.
const MAX_RAW_HTML_BYTES: usize = 2 * 1024 * 1024;

/// Largest number of tags before the sanitizer, whose tree has a node for each.
const MAX_TAGS: usize = 200_000;

/// A content as readers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendering {
    /// Sanitized HTML, at most 1.5 MiB.
    pub html: String,
    /// Beginning of the text without markup, at most 200 code points.
    pub excerpt: String,
}

/// A content with its rendering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Text, as the author wrote it.
    pub content: Content,
    /// Rendering of this text.
    pub rendering: Rendering,
}

/// Error of a content whose HTML is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the HTML of the content is too large")]
pub struct HtmlTooLarge;

impl Rendering {
    /// Version of the renderer and the sanitizer, stored beside the HTML. A change of either that changes any HTML raises
    /// it: posts are then rendered again when they are read.
    pub const VERSION: i32 = 1;

    /// Renders `CommonMark` with tables and strikethrough of GFM.
    ///
    /// Time and memory are proportional to the content: nested markup ends at a depth, and raw HTML is balanced before
    /// the sanitizer reads it.
    ///
    /// # Errors
    /// Fails if the HTML would exceed 1.5 MiB or have more than 100,000 elements.
    pub fn from_markdown(content: &str) -> Result<Self, HtmlTooLarge> {
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
        let mut progress = Progress::default();
        let mut html = BoundedHtml { text: String::with_capacity(content.len() + content.len() / 8), tags: 0 };
        let events = Events::new(Parser::new_ext(content, options), &mut progress);
        write_html_fmt(&mut html, events).map_err(|fmt::Error| HtmlTooLarge)?;
        let html = sanitizer::clean(&html.text);
        if html.len() > MAX_HTML_BYTES {
            return Err(HtmlTooLarge);
        }
        Ok(Self { html, excerpt: progress.into_excerpt() })
    }

    /// Returns the number of bytes that are stored.
    pub fn bytes(&self) -> usize {
        self.html.len() + self.excerpt.len()
    }
}

impl Body {
    /// Rule of the HTML of a content, as error messages show it.
    pub const RULE: &'static str =
        "must give at most 1.5 MiB of HTML and 100000 elements, shorten the text or use less markup";

    /// Renders the content.
    ///
    /// # Errors
    /// Fails if the HTML would exceed 1.5 MiB or have more than 100,000 elements.
    pub fn from_content(content: Content) -> Result<Self, HtmlTooLarge> {
        let rendering = Rendering::from_markdown(content.as_str())?;
        Ok(Self { content, rendering })
    }

    /// Returns the number of bytes of the content and its HTML.
    pub fn text_bytes(&self) -> usize {
        self.content.as_str().len() + self.rendering.html.len()
    }
}

/// HTML that stops to grow at its limits.
struct BoundedHtml {
    text: String,
    /// Number of tags. Each `<` begins one, because texts are escaped.
    tags: usize,
}

impl Write for BoundedHtml {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.tags += text.bytes().filter(|byte| *byte == b'<').count();
        if self.text.len() + text.len() > MAX_RAW_HTML_BYTES || self.tags > MAX_TAGS {
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}
