//! Connections of a copy, which reads or fills a server's database. They have another name than a service's
//! connections.

use sqlx::PgConnection;

use super::migrate::{migrate, reach};
use super::open::APPLICATION_NAME;
use super::session::SessionOptions;
use crate::options::SessionSetting;
use crate::startup::START_TIMEOUT;
use crate::url::PostgresUrl;
use crate::{Migrations, OpenError};

impl PostgresUrl {
    /// Connects under this name and with these settings, even if the URL has another name. Waits for a server that
    /// starts.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn connect_as(&self, name: &str, settings: &[SessionSetting]) -> Result<PgConnection, OpenError> {
        let session = self.session_as(name).with_settings(settings.iter().cloned()).without_statement_log();
        reach(&self.to_string(), &session, START_TIMEOUT).await.map(|reached| reached.connection)
    }

    /// Applies the missing migrations as a service does, over connections of this name.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn migrate_as(&self, name: &str, migrations: &Migrations) -> Result<(), OpenError> {
        migrate(&self.to_string(), &self.session_as(name), migrations, START_TIMEOUT).await.map(drop)
    }

    /// Returns the names of services' connections: the default, and the URL's own.
    pub fn service_names(&self) -> [String; 2] {
        [APPLICATION_NAME, self.options().get_application_name().unwrap_or(APPLICATION_NAME)].map(str::to_owned)
    }

    fn session_as(&self, name: &str) -> SessionOptions {
        SessionOptions::from_server(self, name).with_name(name)
    }
}
