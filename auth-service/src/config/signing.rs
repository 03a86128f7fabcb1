//! The secrets that sign tokens. The service and the copy of its database need them.

use kit::config::{ConfigError, Environment};

use crate::keys::model::Key;
use crate::keys::storage::MasterKey;

/// Secrets that sign tokens, or seal the keys that sign.
pub struct SigningSettings {
    /// HS256 key; without one, key pairs in the database or in a file sign.
    pub secret_key: Option<Key>,
    /// Master key that seals the key pairs in the database; without one, they are in a file.
    pub master_key: Option<MasterKey>,
}

impl SigningSettings {
    /// Reads the secrets.
    ///
    /// # Errors
    /// [`ConfigError`] with the name of the setting, without its value.
    pub fn read(environment: Environment) -> Result<Self, ConfigError> {
        let secret_key = match environment.secret("JWT_SECRET_KEY")? {
            Some(secret) => {
                Some(Key::hs256(&secret).map_err(|weak| ConfigError::setting("JWT_SECRET_KEY", weak.to_string()))?)
            }
            None => None,
        };
        Ok(Self { secret_key, master_key: Self::master_key(environment, "AUTH_MASTER_KEY")? })
    }

    /// Reads the master key of this name.
    pub(crate) fn master_key(environment: Environment, name: &str) -> Result<Option<MasterKey>, ConfigError> {
        let text = environment.secret(name)?;
        let parse = |text| MasterKey::parse(&text).map_err(|bad| ConfigError::setting(name, bad.to_string()));
        text.map(parse).transpose()
    }
}
