//! Display names.

use kit::characters::{breaks_the_line, is_invisible};

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
        let is_blank = text.chars().all(|char| char.is_whitespace() || is_invisible(char));
        let fits = !is_blank && text.chars().count() <= MAX_CODE_POINTS && !text.chars().any(breaks_the_line);
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
    fn name_limits_count_code_points() {
        for fits in ["A", &"a".repeat(128), &"\u{1f980}".repeat(128), "O'Neil-Smith, Jr.", " a "] {
            assert_eq!(Name::parse(fits).unwrap().as_str(), fits);
        }
        for text in ["", "  ", "\u{3000}", "\u{200b}", "\u{3164}\u{ad}", &"a".repeat(129), &"\u{1f980}".repeat(129)] {
            assert_eq!(Name::parse(text), Err(NameError), "{text:?}");
        }
    }

    #[test]
    fn names_are_kept_to_the_byte() {
        // NFC and NFD, a joiner that an Indic or Persian name needs, one that an emoji needs, a ligature, full width.
        for name in
            ["Jos\u{e9}", "Jose\u{301}", "\u{646}\u{627}\u{645}\u{647}\u{200c}\u{627}\u{6cc}", "\u{fb01}\u{ff21}"]
        {
            assert_eq!(Name::parse(name).unwrap().as_str().as_bytes(), name.as_bytes());
        }
        assert_ne!(Name::parse("Jos\u{e9}"), Name::parse("Jose\u{301}"));
    }

    #[test]
    fn control_and_direction_characters_are_refused() {
        let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}');
        let separators = ['\u{2028}', '\u{2029}'];
        let directions = ['\u{61c}', '\u{200e}', '\u{200f}'].into_iter();
        let directions = directions.chain('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
        let all: Vec<char> = controls.chain(separators).chain(directions).collect();
        assert_eq!(all.len(), 32 + 33 + 2 + 3 + 5 + 4);
        for char in all {
            for text in [format!("a{char}b"), format!("{char}a"), format!("a{char}")] {
                assert_eq!(Name::parse(&text), Err(NameError), "{text:?}");
            }
        }
    }
}
