//! Roles: free words, of which this service itself knows one.

/// A role, `[a-z][a-z0-9._-]{0,62}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role(String);

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
    fn a_role_is_a_short_lower_case_word() {
        for fits in ["admin", "a", "a.b_c-1", &"a".repeat(63)] {
            assert!(Role::parse(fits).is_some(), "{fits}");
        }
        for unfit in ["", "Admin", "1a", "a b", "-a", "\u{e4}", &"a".repeat(64)] {
            assert!(Role::parse(unfit).is_none(), "{unfit}");
        }
    }

    #[test]
    fn roles_survive_their_row() {
        let roles = Roles::from_text("admin editor");
        assert_eq!(Roles::from_text(&roles.to_text()), roles);
        assert_eq!(Roles::from_text(""), Roles::default());
        assert_eq!(Roles::default().to_text(), "");
    }
}
