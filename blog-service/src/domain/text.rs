//! Titles and contents of posts, stored byte for byte within limits.

use kit::characters::{breaks_the_line, is_invisible};

/// Longest title, in code points.
const MAX_TITLE_CHARS: usize = 128;

/// Longest content, in bytes.
const MAX_CONTENT_BYTES: usize = 1024 * 1024;

/// A title: 1 to 128 code points on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title(String);

/// A text of 1 byte to 1 MiB without NUL, because PostgreSQL cannot store NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content(String);

/// Error of a text that breaks its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text breaks its rule")]
pub struct TextError;

impl Title {
    /// Rule of a title, as error messages show it.
    pub const RULE: &'static str =
        "must have 1 to 128 characters, not only blanks, and no control character, line separator or mark of direction";

    /// Reads a title.
    ///
    /// # Errors
    /// Fails if the text breaks [`Title::RULE`].
    pub fn parse(text: String) -> Result<Self, TextError> {
        let is_blank = text.chars().all(|char| char.is_whitespace() || is_invisible(char));
        let fits = !is_blank && text.chars().count() <= MAX_TITLE_CHARS && !text.chars().any(breaks_the_line);
        if fits { Ok(Self(text)) } else { Err(TextError) }
    }

    /// Returns the title.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the title as an owned string.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Content {
    /// Rule of a content, as error messages show it.
    pub const RULE: &'static str = "must have 1 byte to 1 MiB (1048576 bytes), none of them NUL";

    /// Reads a content.
    ///
    /// # Errors
    /// Fails if the text breaks [`Content::RULE`].
    pub fn parse(text: String) -> Result<Self, TextError> {
        let fits = (1..=MAX_CONTENT_BYTES).contains(&text.len()) && !text.contains('\0');
        if fits { Ok(Self(text)) } else { Err(TextError) }
    }

    /// Returns the content.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the content as an owned string.
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C59: the limits count code points and bytes.
    #[test]
    fn title_and_content_keep_their_limits() {
        assert!(Title::parse("\u{1f980}".repeat(128)).is_ok());
        for text in [
            String::new(),
            " ".into(),
            "a\nb".into(),
            "a\0".into(),
            "a\u{2028}b".into(),
            "a\u{202e}b".into(),
            "a\u{200e}b".into(),
            "a\u{61c}b".into(),
            "\u{200b}".into(),
            "\u{3164}\u{ad}".into(),
            "a".repeat(129),
        ] {
            assert!(Title::parse(text).is_err());
        }
        assert!(Content::parse("a".repeat(MAX_CONTENT_BYTES)).is_ok());
        assert!(Content::parse("line\nline\ttab\r\n".into()).is_ok());
        for text in [String::new(), "a\0".into(), "a".repeat(MAX_CONTENT_BYTES + 1)] {
            assert!(Content::parse(text).is_err());
        }
    }
}
