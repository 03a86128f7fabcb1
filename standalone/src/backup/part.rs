//! Parts of a backup: a database for each service, and the signing key.

use std::path::PathBuf;

use db::Migrations;

/// A service that has a database in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BackupPart {
    Auth,
    Blog,
}

/// A service's database in a file.
#[derive(Clone, Debug)]
pub(super) struct PartFile {
    pub(super) part: BackupPart,
    pub(super) path: PathBuf,
}

/// Name of the signing key in a backup.
pub(super) const KEY_NAME: &str = "auth.key.pem";

impl BackupPart {
    /// All parts in copy order. Users are copied after posts, so that the backup has the owner of each post.
    pub(super) const ALL: [Self; 2] = [Self::Blog, Self::Auth];

    /// Returns the database's name, in a backup and in the pair's folder.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Auth => "auth.db",
            Self::Blog => "blog.db",
        }
    }

    /// Returns the flag that names the database.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::Auth => "--auth-database-url",
            Self::Blog => "--blog-database-url",
        }
    }

    /// Returns the migrations that this version knows.
    pub(super) fn migrations(self) -> Migrations {
        match self {
            Self::Auth => auth_service::store::SCHEMA.migrations,
            Self::Blog => blog_service::store::SCHEMA.migrations,
        }
    }
}
