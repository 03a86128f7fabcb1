//! The setting that names a database.

use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A database, by its URL: `sqlite:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseUrl {
    path: PathBuf,
}

impl DatabaseUrl {
    /// The SQLite file at `path`.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The database's file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return Err("PostgreSQL is not served by this version: write sqlite:PATH");
        }
        let path = text.strip_prefix("sqlite:").ok_or("write sqlite:PATH, for example sqlite:gatepost-data/auth.db")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains('?') || path.starts_with(':') {
            return Err("write sqlite:PATH with the path of a file, without parameters");
        }
        Ok(Self::file(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_with_and_without_slashes() {
        for (text, path) in [
            ("sqlite:a/b.db", "a/b.db"),
            ("sqlite:/a/b.db", "/a/b.db"),
            ("sqlite://a/b.db", "a/b.db"),
            ("sqlite:///a/b.db", "/a/b.db"),
        ] {
            assert_eq!(text.parse(), Ok(DatabaseUrl::file(path)), "{text}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for text in ["", "a.db", "sqlite:", "sqlite::memory:", "sqlite:a.db?mode=ro", "postgres://u:p@h/d", "mysql://h"]
        {
            assert!(text.parse::<DatabaseUrl>().is_err(), "{text}");
        }
    }
}
