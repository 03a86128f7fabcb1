//! Excerpts: a beginning of the text for lists, made from the content or given by the author.

use kit::characters::{breaks_the_line, is_invisible};

use crate::domain::text::TextError;

/// Longest excerpt that is made from a content, in code points.
const MAX_MADE_CHARS: usize = 200;

/// Longest excerpt that an author gives, in code points.
const MAX_GIVEN_CHARS: usize = 300;

/// An excerpt of the author: at most 300 code points on one line. If empty, the excerpt is made from the content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenExcerpt(String);

impl GivenExcerpt {
    /// Rule of an excerpt, as error messages show it.
    pub const RULE: &'static str = "must have at most 300 characters, not only blanks, and no control character, line separator or mark of direction";

    /// Reads an excerpt.
    ///
    /// # Errors
    /// Fails if the text breaks [`GivenExcerpt::RULE`].
    pub fn parse(text: String) -> Result<Self, TextError> {
        let is_blank = !text.is_empty() && text.chars().all(|char| char.is_whitespace() || is_invisible(char));
        let fits = !is_blank && text.chars().count() <= MAX_GIVEN_CHARS && !text.chars().any(breaks_the_line);
        if fits { Ok(Self(text)) } else { Err(TextError) }
    }

    /// Returns the excerpt; empty if it is made from the content.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the excerpt, or `None` if it is made from the content.
    pub fn into_given(self) -> Option<String> {
        (!self.0.is_empty()).then_some(self.0)
    }
}

/// An excerpt while the text of a content passes.
#[derive(Debug, Default)]
pub(super) struct MadeExcerpt {
    text: String,
    /// Number of code points of the text; one more than the limit if the text is longer.
    chars: usize,
    /// True if a blank comes before the next character.
    is_between_words: bool,
}

impl MadeExcerpt {
    /// Adds text. Blanks and characters that are no text become one blank.
    pub(super) fn push(&mut self, text: &str) {
        for char in text.chars() {
            if self.chars > MAX_MADE_CHARS {
                return;
            }
            if char.is_whitespace() || breaks_the_line(char) {
                self.end_word();
                continue;
            }
            if std::mem::take(&mut self.is_between_words) && !self.text.is_empty() {
                self.add(' ');
            }
            self.add(char);
        }
    }

    /// Ends a word, at a line break or at the end of a block.
    pub(super) fn end_word(&mut self) {
        self.is_between_words = true;
    }

    /// Returns the excerpt. A longer text is cut between two words, if the last word is not very long, and ends with an
    /// ellipsis.
    pub(super) fn finish(mut self) -> String {
        if self.chars <= MAX_MADE_CHARS {
            return self.text;
        }
        let kept = self.text.char_indices().nth(MAX_MADE_CHARS - 1).map_or(self.text.len(), |(at, _)| at);
        let ends_a_word = self.text[kept..].starts_with(' ');
        let words = self.text[..kept].rfind(' ').filter(|words| !ends_a_word && *words >= kept / 2);
        self.text.truncate(words.unwrap_or(kept));
        self.text.truncate(self.text.trim_end().len());
        self.text.push('\u{2026}');
        self.text
    }

    fn add(&mut self, char: char) {
        self.text.push(char);
        self.chars += 1;
    }
}
