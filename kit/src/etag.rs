//! Etags: which state of a row a caller has seen (AIP-154).

/// The etag of a row that has been written so often.
pub fn from_revision(revision: i32) -> String {
    format!("r{revision}")
}

/// The revision that a change is meant for; `None` when the caller does not care.
///
/// A text that is no etag of ours is the revision 0, which no row has.
pub fn expected(etag: &str) -> Option<i32> {
    if etag.is_empty() {
        return None;
    }
    let revision = etag
        .strip_prefix('r')
        .and_then(|digits| digits.parse().ok())
        .filter(|revision| from_revision(*revision) == etag);
    Some(revision.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_read_as_it_was_written() {
        assert_eq!(expected(&from_revision(7)), Some(7));
        assert_eq!(expected(""), None);
        for foreign in ["7", "r", "r+7", "r07", "R7", "r7 ", "*", "r99999999999", "\"r7\""] {
            assert_eq!(expected(foreign), Some(0), "{foreign}");
        }
    }
}
