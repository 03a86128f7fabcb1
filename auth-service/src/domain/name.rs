//! Display names.

/// The longest name, in code points.
const MAX_CODE_POINTS: usize = 128;

/// A display name: 1 to 128 code points on one line, kept exactly as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// The text is no display name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", Name::RULE)]
pub struct NameError;

impl Name {
    /// What a display name must be.
    pub const RULE: &'static str =
        "must have 1 to 128 characters, not only blanks, and no control character, line separator or mark of direction";

    /// Reads a display name.
    ///
    /// # Errors
    /// When the text is empty, blank, too long, or has what [`Name::RULE`] names.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fits =
            !text.trim().is_empty() && text.chars().count() <= MAX_CODE_POINTS && !text.chars().any(breaks_the_line);
        if fits { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, line and paragraph separators, and what turns the direction of text around (UAX #9).
fn breaks_the_line(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_count_code_points() {
        assert!(Name::parse("A").is_ok());
        assert!(Name::parse(&"\u{1f980}".repeat(128)).is_ok());
        for text in ["", "  ", "a\0b", "a\nb", "a\u{85}b", "a\u{2028}b", "a\u{202e}b", &"a".repeat(129)] {
            assert_eq!(Name::parse(text), Err(NameError), "{text:?}");
        }
    }
}
