//! What a backup is made of: a database for each service, and the signing key.

use db::Migrations;

/// A service whose database a backup may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Auth,
    Blog,
}

/// The signing key's name in a backup.
pub(super) const KEY: &str = "auth.key.pem";

impl Part {
    /// In the order in which they are copied: whoever owns a post was a user before, and is in what is copied later.
    pub(super) const ALL: [Self; 2] = [Self::Blog, Self::Auth];

    /// The database's name, in a backup and in the pair's folder.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Auth => "auth.db",
            Self::Blog => "blog.db",
        }
    }

    /// The flag that names the database.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::Auth => "--auth-database-url",
            Self::Blog => "--blog-database-url",
        }
    }

    /// The migrations that this version knows.
    pub(super) fn migrations(self) -> Migrations {
        match self {
            Self::Auth => auth_service::store::SCHEMA.migrations,
            Self::Blog => blog_service::store::SCHEMA.migrations,
        }
    }
}
