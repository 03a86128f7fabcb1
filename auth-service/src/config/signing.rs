//! The secrets that sign tokens: what the service needs, and whoever copies its database.

use kit::config::{ConfigError, Environment};

use crate::keys::model::Key;
use crate::keys::storage::MasterKey;

/// What signs, and what seals the key that does.
pub struct SigningSettings {
    /// The HS256 key; `None` means a key in the database or in a file.
    pub secret_key: Option<Key>,
    /// What seals the key in the database; `None` means a key in a file.
    pub master_key: Option<MasterKey>,
}

impl SigningSettings {
    /// Reads the secrets.
    ///
    /// # Errors
    /// [`ConfigError`], which names the setting and not its value.
    pub fn read(environment: Environment) -> Result<Self, ConfigError> {
        let secret_key = match environment.secret("JWT_SECRET_KEY")? {
            Some(secret) => {
                Some(Key::hs256(&secret).map_err(|weak| ConfigError::setting("JWT_SECRET_KEY", weak.to_string()))?)
            }
            None => None,
        };
        Ok(Self { secret_key, master_key: Self::master_key(environment, "AUTH_MASTER_KEY")? })
    }

    /// The master key of this name.
    pub(crate) fn master_key(environment: Environment, name: &str) -> Result<Option<MasterKey>, ConfigError> {
        let text = environment.secret(name)?;
        let parse = |text| MasterKey::parse(&text).map_err(|bad| ConfigError::setting(name, bad.to_string()));
        text.map(parse).transpose()
    }
}
