//! Invisible characters in values: one newline at the end is removed, others are refused.

/// Returns the text without one newline at its end (LF or CRLF), as `echo` and most editors write it.
///
/// # Errors
/// Fails if invisible characters are left: control characters, a byte order mark, or blanks at either end.
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

/// Returns true for white space, and for zero-width characters, which copies from web pages may contain.
fn is_blank(char: char) -> bool {
    char.is_whitespace() || matches!(char, '\u{200b}'..='\u{200d}' | '\u{2060}')
}
