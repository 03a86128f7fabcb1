//! Figures in a page of the documentation, between two marks of their own.

use std::fs;
use std::path::Path;

use crate::Failure;

/// Puts the figures of this name into a page of the folder `docs`, in place of those that are there.
///
/// # Errors
/// When the page cannot be read or written, or has no such place.
pub fn write(page: &str, name: &str, figures: &str) -> Result<(), Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let page = fs::read_to_string(&path)?;
    let renewed = renew(&page, name, figures);
    Ok(fs::write(&path, renewed.ok_or_else(|| format!("{} has no place for {name}", path.display()))?)?)
}

/// The page with other figures; `None` where it has no place for them.
fn renew(page: &str, name: &str, figures: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}```text\n{}\n```\n{end}{after}", figures.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::renew;

    #[test]
    fn figures_take_the_place_of_older_ones_and_leave_the_rest() {
        let page = "# A\n<!-- x: begin -->\nold\n<!-- x: end -->\n<!-- y: begin -->\ny\n<!-- y: end -->\n";
        let renewed =
            "# A\n<!-- x: begin -->\n```text\n1\n2\n```\n<!-- x: end -->\n<!-- y: begin -->\ny\n<!-- y: end -->\n";
        assert_eq!(renew(page, "x", "1\n2\n").as_deref(), Some(renewed));
        assert_eq!(renew(renewed, "x", "1\n2\n").as_deref(), Some(renewed));
        assert_eq!(renew(page, "z", "1"), None);
    }
}
