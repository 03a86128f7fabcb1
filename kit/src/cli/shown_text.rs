//! Texts that callers choose, made safe for a terminal.

use crate::characters::{breaks_the_line, is_invisible};

/// Returns the text with escapes in place of characters that move the cursor, change the direction, or are invisible.
pub fn shown_text(text: &str) -> String {
    let is_safe = |char: char| !breaks_the_line(char) && !is_invisible(char);
    if text.chars().all(is_safe) {
        return text.to_owned();
    }
    let shown = |char: char| if is_safe(char) { char.to_string() } else { char.escape_unicode().to_string() };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_are_escaped() {
        assert_eq!(shown_text("Ada Lovelace é"), "Ada Lovelace é");
        assert_eq!(shown_text("a\u{1b}[2J\nb\u{202e}c\u{200b}"), "a\\u{1b}[2J\\u{a}b\\u{202e}c\\u{200b}");
    }
}
