//! Etags: the revision of a row that a caller has seen (AIP-154).

/// Returns the etag of a row's revision.
pub fn from_revision(revision: i32) -> String {
    format!("r{revision}")
}

/// Parses the revision that a change expects; `None` for an empty etag, which matches any revision.
///
/// A malformed etag becomes revision 0, which no row has.
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
    fn etag_round_trips_and_foreign_text_is_zero() {
        assert_eq!(expected(&from_revision(7)), Some(7));
        assert_eq!(expected(""), None);
        for foreign in ["7", "r", "r+7", "r07", "R7", "r7 ", "*", "r99999999999", "\"r7\""] {
            assert_eq!(expected(foreign), Some(0), "{foreign}");
        }
    }
}
