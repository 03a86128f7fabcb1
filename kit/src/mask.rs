//! Field masks: which fields of a patch an update is about (AIP-161).

/// What a mask must be, wherever there is one.
pub const RULE: &str = "must name fields of the patch that can be changed, each once and without `*`";

/// What a patch must be, wherever there is one.
pub const EMPTY_RULE: &str = "must have a new value for at least one field";

/// The fields that are meant: those that the mask names, or without a mask those that are present in the patch.
///
/// `fields` has every field that can be changed, and whether the patch has it. Returns `None` for a mask that names
/// anything else, or a field twice. A field that is named and not present is meant to be cleared.
pub fn chosen(mask: Option<&[String]>, fields: &[(&'static str, bool)]) -> Option<Vec<&'static str>> {
    let Some(paths) = mask.filter(|paths| !paths.is_empty()) else {
        return Some(fields.iter().filter(|(_, present)| *present).map(|(name, _)| *name).collect());
    };
    let mut chosen = Vec::new();
    for path in paths {
        let (name, _) = fields.iter().find(|(name, _)| name == path)?;
        if chosen.contains(name) {
            return None;
        }
        chosen.push(*name);
    }
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [(&str, bool); 3] = [("title", true), ("content", false), ("slug", true)];

    fn by(paths: &[&str]) -> Option<Vec<&'static str>> {
        let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
        chosen(Some(&paths), &FIELDS)
    }

    #[test]
    fn without_a_mask_what_is_present_is_meant() {
        assert_eq!(chosen(None, &FIELDS), Some(vec!["title", "slug"]));
        assert_eq!(by(&[]), Some(vec!["title", "slug"]));
    }

    #[test]
    fn a_mask_says_what_is_meant() {
        assert_eq!(by(&["slug"]), Some(vec!["slug"]));
        assert_eq!(by(&["content", "title"]), Some(vec!["content", "title"]));
    }

    #[test]
    fn c57_any_other_path_is_refused() {
        for paths in [
            &["*"][..],
            &[""],
            &["owner_id"],
            &["id"],
            &["title.length"],
            &["patch.title"],
            &["Title"],
            &["title "],
            &["title", "title"],
            &["title", "*"],
        ] {
            assert_eq!(by(paths), None, "{paths:?}");
        }
    }
}
