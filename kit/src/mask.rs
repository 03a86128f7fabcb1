//! Field masks: the fields of a patch that an update changes (AIP-161).

/// Rule for every field mask, as an error text.
pub const RULE: &str = "must name fields of the patch that can be changed, each once and without `*`";

/// Rule for every patch, as an error text.
pub const EMPTY_RULE: &str = "must have a new value for at least one field";

/// Field of a patch that an update can change.
#[derive(Clone, Copy, Debug)]
pub struct MaskField {
    /// Name of the field.
    pub name: &'static str,
    /// Set if the patch has a value for the field.
    pub is_present: bool,
}

/// Returns the fields to change: those in the mask or, without a mask, those present in the patch.
///
/// `fields` lists each field that can change. If a field is in the mask but not in the patch, the caller wants to clear
/// it. Returns `None` for a mask with another field, or with a field twice.
pub fn chosen(mask: Option<&[String]>, fields: &[MaskField]) -> Option<Vec<&'static str>> {
    let Some(paths) = mask.filter(|paths| !paths.is_empty()) else {
        return Some(fields.iter().filter(|field| field.is_present).map(|field| field.name).collect());
    };
    let mut chosen = Vec::new();
    for path in paths {
        let MaskField { name, .. } = fields.iter().find(|field| field.name == path)?;
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

    const FIELDS: [MaskField; 3] = [
        MaskField { name: "title", is_present: true },
        MaskField { name: "content", is_present: false },
        MaskField { name: "slug", is_present: true },
    ];

    fn chosen_by(paths: &[&str]) -> Option<Vec<&'static str>> {
        let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
        chosen(Some(&paths), &FIELDS)
    }

    #[test]
    fn absent_mask_chooses_the_present_fields() {
        assert_eq!(chosen(None, &FIELDS), Some(vec!["title", "slug"]));
        assert_eq!(chosen_by(&[]), Some(vec!["title", "slug"]));
    }

    #[test]
    fn mask_chooses_its_fields() {
        assert_eq!(chosen_by(&["slug"]), Some(vec!["slug"]));
        assert_eq!(chosen_by(&["content", "title"]), Some(vec!["content", "title"]));
    }

    /// C57: a mask with any other path is refused.
    #[test]
    fn mask_with_any_other_path_is_refused() {
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
            assert_eq!(chosen_by(paths), None, "{paths:?}");
        }
    }
}
