//! Roles: free words, of which this service itself knows one.

/// A role, `[a-z][a-z0-9._-]{0,62}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role(String);

/// The most roles of a user: an access token carries them all, and has at most 4 KiB.
const MAX_ROLES: usize = 16;

/// The roles of a user, as one row keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Role {
    /// May create users when registration is closed, and see and change other people's accounts.
    pub const ADMIN: &'static str = "admin";

    /// What a caller with the service key has.
    pub const SERVICE: &'static str = "service";

    /// Reads a role, or `None` when the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = text.bytes();
        let fits = text.len() <= 63
            && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
        fits.then(|| Self(text.to_owned()))
    }

    /// The role's word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Roles {
    /// What a user's roles must be.
    pub const RULE: &'static str = "must be at most 16 different roles, each `[a-z][a-z0-9._-]{0,62}`, and none of \
                                    them `service`, which is for services";

    /// Reads the roles that a user may be given.
    ///
    /// Returns `None` when they break [`Roles::RULE`].
    pub fn parse(words: &[String]) -> Option<Self> {
        let roles: Vec<Role> = words.iter().map(|word| Role::parse(word)).collect::<Option<_>>()?;
        let mut different: Vec<&str> = words.iter().map(String::as_str).collect();
        different.sort_unstable();
        different.dedup();
        let fits = different.len() == words.len() && words.len() <= MAX_ROLES && !different.contains(&Role::SERVICE);
        fits.then_some(Self(roles))
    }

    /// Whether one of these roles is missing in the others.
    pub fn lose_any(&self, others: &Self) -> bool {
        self.0.iter().any(|role| !others.0.contains(role))
    }

    /// Returns whether the admin's role is one of these.
    pub fn is_admin(&self) -> bool {
        self.0.iter().any(|role| role.0 == Role::ADMIN)
    }

    /// The admin's roles.
    pub fn admin() -> Self {
        Self(Role::parse(Role::ADMIN).into_iter().collect())
    }

    /// Reads the form in which a row keeps them: separated by one space.
    pub fn from_text(text: &str) -> Self {
        Self(text.split(' ').filter_map(Role::parse).collect())
    }

    /// The form in which a row keeps them.
    pub fn to_text(&self) -> String {
        self.words().join(" ")
    }

    /// The words.
    pub fn words(&self) -> Vec<&str> {
        self.0.iter().map(Role::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_is_a_short_lower_case_word() {
        for fits in ["admin", "a", "a.b_c-1", &"a".repeat(63)] {
            assert!(Role::parse(fits).is_some(), "{fits}");
        }
        for unfit in ["", "Admin", "1a", "a b", "-a", "\u{e4}", &"a".repeat(64)] {
            assert!(Role::parse(unfit).is_none(), "{unfit}");
        }
    }

    #[test]
    fn user_has_few_distinct_roles_without_service() {
        let parse = |words: &[&str]| Roles::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        let many: Vec<String> = (0..17).map(|number| format!("r{number}")).collect();
        assert_eq!(parse(&[]), Some(Roles::default()));
        assert_eq!(parse(&["editor", "admin"]).unwrap().to_text(), "editor admin");
        assert!(Roles::parse(&many[1..]).is_some());
        assert!(Roles::parse(&many).is_none());
        for words in [&["admin", "admin"][..], &["service"], &["Admin"], &[""], &["a b"]] {
            assert_eq!(parse(words), None, "{words:?}");
        }
    }

    #[test]
    fn lost_role_differs_from_new_role() {
        let roles = |text| Roles::from_text(text);
        assert!(roles("admin editor").lose_any(&roles("editor")));
        assert!(!roles("editor").lose_any(&roles("admin editor")));
        assert!(!roles("admin editor").lose_any(&roles("editor admin")));
    }

    #[test]
    fn roles_survive_their_row() {
        let roles = Roles::from_text("admin editor");
        assert_eq!(Roles::from_text(&roles.to_text()), roles);
        assert_eq!(Roles::from_text(""), Roles::default());
        assert_eq!(Roles::default().to_text(), "");
    }
}
