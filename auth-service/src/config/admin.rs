//! First admin of a new database.

use kit::config::ConfigError;
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::{Email, NewPassword, PasswordPolicy};

/// First admin, as the settings name it.
pub struct Admin {
    /// Email address.
    pub email: Email,
    /// Password.
    pub password: NewPassword,
}

impl Admin {
    /// Reads the admin with this email address and password; both must be set, or neither.
    pub(super) fn read(
        email: Option<&str>,
        password: Option<SecretString>,
        policy: PasswordPolicy,
    ) -> Result<Option<Self>, ConfigError> {
        let (email, password) = match (email, password) {
            (None, None) => return Ok(None),
            (Some(email), Some(password)) => (email, password),
            (Some(_), None) => {
                return Err(ConfigError::setting("AUTH_ADMIN_PASSWORD", "must be set with AUTH_ADMIN_EMAIL"));
            }
            (None, Some(_)) => {
                return Err(ConfigError::setting("AUTH_ADMIN_EMAIL", "must be set with AUTH_ADMIN_PASSWORD"));
            }
        };
        let email = Email::parse(email).map_err(|error| ConfigError::setting("AUTH_ADMIN_EMAIL", error.to_string()))?;
        let password = policy
            .accept(password.expose_secret().to_owned(), &[email.as_str()])
            .map_err(|error| ConfigError::setting("AUTH_ADMIN_PASSWORD", error.to_string()))?;
        Ok(Some(Self { email, password }))
    }
}
