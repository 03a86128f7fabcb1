//! What people write: kept to the byte, within limits.

use kit::characters::{breaks_the_line, is_invisible};

/// The longest title, in code points.
const MAX_TITLE: usize = 128;

/// The longest content, in bytes.
const MAX_CONTENT: usize = 1024 * 1024;

/// A title: 1 to 128 code points on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title(String);

/// A text of 1 byte to 1 MiB, without NUL, which one of the database engines cannot keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content(String);

/// The text breaks its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text breaks its rule")]
pub struct TextError;

impl Title {
    /// What a title must be.
    pub const RULE: &'static str =
        "must have 1 to 128 characters, not only blanks, and no control character, line separator or mark of direction";

    /// Reads a title.
    ///
    /// # Errors
    /// When the text is empty, blank, too long, or has what [`Title::RULE`] names.
    pub fn parse(text: String) -> Result<Self, TextError> {
        let is_blank = text.chars().all(|char| char.is_whitespace() || is_invisible(char));
        let fits = !is_blank && text.chars().count() <= MAX_TITLE && !text.chars().any(breaks_the_line);
        if fits { Ok(Self(text)) } else { Err(TextError) }
    }

    /// The title.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The title, to be kept.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Content {
    /// What a content must be.
    pub const RULE: &'static str = "must have 1 byte to 1 MiB (1048576 bytes), none of them NUL";

    /// Reads a content.
    ///
    /// # Errors
    /// When the text is empty, too long, or has a NUL.
    pub fn parse(text: String) -> Result<Self, TextError> {
        let fits = (1..=MAX_CONTENT).contains(&text.len()) && !text.contains('\0');
        if fits { Ok(Self(text)) } else { Err(TextError) }
    }

    /// The content.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The content, to be kept.
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c59_the_limits_count_code_points_and_bytes() {
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
        assert!(Content::parse("a".repeat(MAX_CONTENT)).is_ok());
        assert!(Content::parse("line\nline\ttab\r\n".into()).is_ok());
        for text in [String::new(), "a\0".into(), "a".repeat(MAX_CONTENT + 1)] {
            assert!(Content::parse(text).is_err());
        }
    }
}
