//! Display names.

/// The longest name, in code points.
const MAX_CODE_POINTS: usize = 128;

/// A display name: 1 to 128 code points without control characters, kept exactly as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// The text is no display name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 128 characters, none of them a control character")]
pub struct NameError;

impl Name {
    /// Reads a display name.
    ///
    /// # Errors
    /// When the text is empty, blank, too long, or has a control character.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fits =
            !text.trim().is_empty() && text.chars().count() <= MAX_CODE_POINTS && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_count_code_points() {
        assert!(Name::parse("A").is_ok());
        assert!(Name::parse(&"\u{1f980}".repeat(128)).is_ok());
        for text in ["", "  ", "a\0b", "a\nb", "a\u{85}b", &"a".repeat(129)] {
            assert_eq!(Name::parse(text), Err(NameError), "{text:?}");
        }
    }
}
