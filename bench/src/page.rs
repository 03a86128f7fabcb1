//! Figures in a page of the documentation, between two markers.

use std::fs;
use std::path::Path;

use crate::Failure;

/// Replaces the figures of this name in a page of the folder `docs`.
///
/// # Errors
/// Fails if the page cannot be read or written, or has no markers for the name.
pub fn write(page: &str, name: &str, figures: &str) -> Result<(), Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let page = fs::read_to_string(&path)?;
    let renewed = renew(&page, name, figures);
    Ok(fs::write(&path, renewed.ok_or_else(|| format!("{} has no markers for {name}", path.display()))?)?)
}

/// Returns the page with new figures; `None` if the page has no markers for them.
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
    fn page_has_markers_for_all_figures() {
        let page = include_str!("../../docs/benchmarks.md");
        for name in ["guard", "instructions", "load", "scale postgres", "scale sqlite", "storm"] {
            assert!(renew(page, name, "").is_some(), "{name}");
        }
        for page in [include_str!("../../docs/rivals.md"), include_str!("../../README.md")] {
            assert!(renew(page, "rivals", "").is_some());
        }
    }

    #[test]
    fn new_figures_replace_only_the_old_ones() {
        let page = "# A\n<!-- x: begin -->\nold\n<!-- x: end -->\n<!-- y: begin -->\ny\n<!-- y: end -->\n";
        let renewed =
            "# A\n<!-- x: begin -->\n```text\n1\n2\n```\n<!-- x: end -->\n<!-- y: begin -->\ny\n<!-- y: end -->\n";
        assert_eq!(renew(page, "x", "1\n2\n").as_deref(), Some(renewed));
        assert_eq!(renew(renewed, "x", "1\n2\n").as_deref(), Some(renewed));
        assert_eq!(renew(page, "z", "1"), None);
    }
}
