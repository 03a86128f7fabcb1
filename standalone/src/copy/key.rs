//! The signing key, which the auth service alone has.

use std::error::Error;

use auth_service::SigningSettings;
use auth_service::keys::storage::{KeyCopy, KeyFile, KeyFileError};
use auth_service::store::PRIVATE_HALVES;
use db::DatabaseUrl;
use kit::config::Environment;

use super::source::Source;
use super::target::Supplement;

/// What becomes of the key; `None` for a service that signs nothing.
pub(super) struct Key(Option<KeyCopy>);

impl Key {
    /// Decides by the settings of the auth service and by what the source holds.
    pub(super) async fn choose(
        source: &mut Source,
        from: &DatabaseUrl,
        to: &DatabaseUrl,
        environment: Environment,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        if source.schema().service != auth_service::store::SCHEMA.service {
            return Ok(Self(None));
        }
        let settings = SigningSettings::read(environment)?;
        let halves = source.found(PRIVATE_HALVES).await?;
        let (from, to) = (from.path().map(KeyFile::beside), to.path().map(KeyFile::beside));
        let key = KeyCopy::choose(
            settings.secret_key.is_some(),
            settings.master_key.as_ref(),
            from.as_ref(),
            to.as_ref(),
            &halves,
        );
        Ok(Self(Some(key?)))
    }

    /// What the rows of the keys get in the target.
    pub(super) fn supplements(&self) -> Vec<Supplement<'_>> {
        let sealed = self.0.as_ref().map_or(&[][..], KeyCopy::sealed);
        let of = |(id, sealed)| Supplement { table: "signing_keys", of: ("id", id), value: ("sealed", sealed) };
        sealed.iter().map(|(id, sealed)| of((id.as_str(), sealed.as_slice()))).collect()
    }

    pub(super) fn write_file(&self) -> Result<(), KeyFileError> {
        self.0.as_ref().map_or(Ok(()), KeyCopy::write_file)
    }

    /// What its owner must know of it now.
    pub(super) fn note(&self) -> Option<String> {
        Some(match self.0.as_ref()? {
            KeyCopy::Sealed => {
                "The signing key has gone along, sealed: give the service the AUTH_MASTER_KEY that it was \
                 sealed with."
                    .to_owned()
            }
            KeyCopy::Seal { from, .. } => format!(
                "The signing key of {} lies in the new database, sealed: give the service this AUTH_MASTER_KEY.",
                from.display()
            ),
            KeyCopy::File { to, .. } => format!("The signing key has gone along, to {}.", to.path().display()),
            KeyCopy::Left(from) => format!(
                "JWT_SECRET_KEY signs, so {} is left where it is: give the service this JWT_SECRET_KEY.",
                from.display()
            ),
            KeyCopy::Absent => "There is no signing key with the source, as with JWT_SECRET_KEY: give the service the \
                 JWT_SECRET_KEY that it had; with another key all tokens are refused."
                .to_owned(),
        })
    }
}
