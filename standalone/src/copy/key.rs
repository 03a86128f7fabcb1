//! Transfer of the auth service's signing key.

use std::error::Error;

use auth_service::SigningSettings;
use auth_service::keys::storage::{KeyCopy, KeyFile, KeyFileError};
use auth_service::store::PRIVATE_HALVES;
use db::DatabaseUrl;
use kit::config::Environment;

use super::source::CopySource;
use super::target::{ColumnBytes, ColumnText, Supplement};

/// Transfer of the signing key; `None` for a service without one.
pub(super) struct SigningKeyTransfer(Option<KeyCopy>);

impl SigningKeyTransfer {
    /// Chooses the transfer by the settings of the auth service and the keys of the source.
    pub(super) async fn choose(
        source: &mut CopySource,
        from: &DatabaseUrl,
        to: &DatabaseUrl,
        environment: Environment,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        if source.schema().service != auth_service::store::SCHEMA.service {
            return Ok(Self(None));
        }
        let settings = SigningSettings::read(environment)?;
        let halves = source.fetch_all(PRIVATE_HALVES).await?;
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

    /// Returns the values that the rows of the keys get in the target.
    pub(super) fn supplements(&self) -> Vec<Supplement<'_>> {
        let sealed = self.0.as_ref().map_or(&[][..], KeyCopy::sealed);
        let supplements = sealed.iter().map(|half| Supplement {
            table: "signing_keys",
            row: ColumnText { name: "id", value: &half.id },
            value: ColumnBytes { name: "sealed", value: &half.sealed },
        });
        supplements.collect()
    }

    pub(super) fn write_file(&self) -> Result<(), KeyFileError> {
        self.0.as_ref().map_or(Ok(()), KeyCopy::write_file)
    }

    /// Returns the next step for the operator.
    pub(super) fn note(&self) -> Option<String> {
        Some(match self.0.as_ref()? {
            KeyCopy::Sealed => {
                "The signing key was copied, sealed: give the service the AUTH_MASTER_KEY that sealed it.".to_owned()
            }
            KeyCopy::Seal { from, .. } => format!(
                "The signing key of {} is in the new database, sealed: give the service this AUTH_MASTER_KEY.",
                from.display()
            ),
            KeyCopy::File { to, .. } => format!("The signing key was copied to {}.", to.path().display()),
            KeyCopy::Left(from) => format!(
                "JWT_SECRET_KEY signs tokens, so {} was not copied: give the service this JWT_SECRET_KEY.",
                from.display()
            ),
            KeyCopy::Absent => {
                "The source has no signing key, as with JWT_SECRET_KEY: give the service its old JWT_SECRET_KEY; with \
                 another key all tokens are refused."
                    .to_owned()
            }
        })
    }
}
