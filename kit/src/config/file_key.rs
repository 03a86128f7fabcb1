//! Keys of a configuration file: the names of the variables, in tables.

/// Tables of a file. Their variables begin with the table's name, except for [`FOREIGN_PREFIX`].
pub(super) const TABLES: [&str; 3] = ["gatepost", "auth", "blog"];

/// Prefix of variables in the table `[auth]` whose keys keep the prefix.
const FOREIGN_PREFIX: &str = "JWT_";

/// Key of a variable in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileKey {
    /// Table, without brackets.
    pub table: &'static str,
    /// Key in the table.
    pub key: String,
}

impl FileKey {
    /// Returns the key of the variable with this name.
    pub fn from_variable(variable: &str) -> Option<Self> {
        let kebab = |name: &str| name.to_ascii_lowercase().replace('_', "-");
        if variable.starts_with(FOREIGN_PREFIX) {
            return Some(Self { table: "auth", key: kebab(variable) });
        }
        let (first, rest) = variable.split_once('_')?;
        let table = TABLES.into_iter().find(|table| first.eq_ignore_ascii_case(table))?;
        Some(Self { table, key: kebab(rest) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_keys() {
        let key = |variable| FileKey::from_variable(variable).map(|key| format!("[{}] {}", key.table, key.key));
        assert_eq!(key("AUTH_ACCESS_TTL").as_deref(), Some("[auth] access-ttl"));
        assert_eq!(key("JWT_SECRET_KEY_FILE").as_deref(), Some("[auth] jwt-secret-key-file"));
        assert_eq!(key("PGPASSWORD"), None);
    }
}
