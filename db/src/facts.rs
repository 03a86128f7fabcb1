//! Facts about an open database, for checks.

/// Facts about an open database.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseFacts {
    /// Name and version of the engine.
    pub(crate) version: String,
    /// Version of the encryption of a connection, if it is encrypted.
    pub(crate) encryption: Option<String>,
}
