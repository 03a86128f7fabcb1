//! Roles: words that operators choose. This service itself knows only `admin`.

/// A role, `[a-z][a-z0-9._-]{0,62}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role(String);

/// Maximum number of roles of a user: an access token lists them all and has at most 4 KiB.
const MAX_ROLES: usize = 16;

/// Roles of a user, as one row stores them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Role {
    /// Role of admins: they create users if registration is closed, and see and change other users' accounts.
    pub const ADMIN: &'static str = "admin";

    /// Role of a caller with a service key, and of API keys with which guards watch revocations.
    pub const SERVICE: &'static str = "service";

    /// Parses a role, if the text is one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = text.bytes();
        let fits = text.len() <= 63
            && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns the role's word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Roles {
    /// Rule for a user's roles, as callers see it.
    pub const RULE: &'static str = "must be at most 16 different roles, each `[a-z][a-z0-9._-]{0,62}`, and none of \
                                    them `service`, which is for services";

    /// Rule for the roles of an API key, as callers see it.
    pub const API_KEY_RULE: &'static str = "must be at most 16 different roles, each `[a-z][a-z0-9._-]{0,62}`";

    /// Parses the roles of a user, if they fulfill [`Roles::RULE`].
    pub fn parse(words: &[String]) -> Option<Self> {
        Self::parse_for_api_key(words).filter(|roles| !roles.words().contains(&Role::SERVICE))
    }

    /// Parses the roles of an API key, if they fulfill [`Roles::API_KEY_RULE`].
    pub fn parse_for_api_key(words: &[String]) -> Option<Self> {
        let roles: Vec<Role> = words.iter().map(|word| Role::parse(word)).collect::<Option<_>>()?;
        let mut different: Vec<&str> = words.iter().map(String::as_str).collect();
        different.sort_unstable();
        different.dedup();
        let fits = different.len() == words.len() && words.len() <= MAX_ROLES;
        fits.then_some(Self(roles))
    }

    /// Returns true if one of these roles is missing from `others`.
    pub fn lose_any(&self, others: &Self) -> bool {
        self.0.iter().any(|role| !others.0.contains(role))
    }

    /// Returns true if the admin role is among these.
    pub fn is_admin(&self) -> bool {
        self.0.iter().any(|role| role.0 == Role::ADMIN)
    }

    /// Returns the roles of an admin.
    pub fn admin() -> Self {
        Self(Role::parse(Role::ADMIN).into_iter().collect())
    }

    /// Reads the stored form: words separated by one space.
    pub fn from_text(text: &str) -> Self {
        Self(text.split(' ').filter_map(Role::parse).collect())
    }

    /// Returns the stored form.
    pub fn to_text(&self) -> String {
        self.words().join(" ")
    }

    /// Returns the words.
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
        let service = ["service".to_owned()];
        assert_eq!(Roles::parse_for_api_key(&service).unwrap().to_text(), "service");
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
