//! Characters that an operator does not see at the end of a value: one newline is taken away, others are refused.

/// The text without one newline at its end (LF or CRLF), as `echo` and most editors write it.
///
/// # Errors
/// Fails if characters are left that nobody sees: control characters, a byte order mark, blanks at either end.
pub fn cleaned(text: &str) -> Result<&str, &'static str> {
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if text.contains('\u{feff}') {
        return Err("has a byte order mark: save it as UTF-8 without one");
    }
    if text.contains(char::is_control) {
        return Err("has a control character, such as a tab or a second line break: remove it");
    }
    if text.starts_with(is_blank) || text.ends_with(is_blank) {
        return Err("has a blank at its beginning or end: remove it");
    }
    Ok(text)
}

/// Returns true for white space, and for the characters without width that copying from a page brings along.
fn is_blank(char: char) -> bool {
    char.is_whitespace() || matches!(char, '\u{200b}'..='\u{200d}' | '\u{2060}')
}
