//! Connections with session settings. A statement sets the settings, so they also arrive through a pooler.
//!
//! Startup parameters do not work for this. PgBouncer refuses the parameters `options` and `extra_float_digits`, or
//! drops them silently if it is configured to ignore them. A session would then have no limits, or the wrong schema.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Error, Executor as _, PgConnection};

use crate::options::SessionSetting;
use crate::url::PostgresUrl;

/// Options of connections to a server: its address and credentials, and the settings of their sessions.
#[derive(Clone)]
pub struct SessionOptions {
    options: PgConnectOptions,
    settings: Arc<[SessionSetting]>,
}

impl SessionOptions {
    /// Returns the options of the server's URL, with this name if the URL has no name.
    pub(super) fn from_server(server: &PostgresUrl, name: &str) -> Self {
        let options = server.options();
        let is_named = options.get_application_name().is_some();
        let options = if is_named { options } else { options.application_name(name) };
        // No column is a float, so the digits of floats do not matter.
        Self { options: options.extra_float_digits(None), settings: server.settings().into() }
    }

    /// Replaces the name of the connections, including a name from the URL.
    pub(super) fn with_name(self, name: &str) -> Self {
        Self { options: self.options.application_name(name), ..self }
    }

    /// Adds settings.
    pub(super) fn with_settings(self, more: impl IntoIterator<Item = SessionSetting>) -> Self {
        Self { settings: self.settings.iter().cloned().chain(more).collect(), ..self }
    }

    /// Turns the log of statements off.
    pub(super) fn without_statement_log(self) -> Self {
        Self { options: self.options.disable_statement_logging(), ..self }
    }

    /// Connects, and sets the session's settings.
    ///
    /// # Errors
    /// The error of the driver.
    pub(crate) async fn connect(&self) -> Result<PgConnection, Error> {
        let mut connection = self.connect_bare().await?;
        self.set(&mut connection).await?;
        Ok(connection)
    }

    /// Connects, and leaves the session unchanged.
    pub(super) async fn connect_bare(&self) -> Result<PgConnection, Error> {
        self.options.connect().await
    }

    /// Sets the session's settings, in one round trip.
    pub(super) async fn set(&self, connection: &mut PgConnection) -> Result<(), Error> {
        match sets(&self.settings) {
            None => Ok(()),
            Some(sql) => connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map(drop),
        }
    }
}

/// Shows the settings only, since the options hold a password.
impl fmt::Debug for SessionOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SessionOptions").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Returns options without settings.
#[cfg(test)]
impl From<PgConnectOptions> for SessionOptions {
    fn from(options: PgConnectOptions) -> Self {
        Self { options, settings: Arc::default() }
    }
}

/// Returns one statement for all settings.
fn sets(settings: &[SessionSetting]) -> Option<String> {
    let mut sql = String::from("select ");
    for (number, SessionSetting { name, value }) in settings.iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}set_config({}, {}, false)", quoted(name), quoted(value));
    }
    (!settings.is_empty()).then_some(sql)
}

/// Returns an SQL literal. The form with `E` means the same on each server: it does not depend on the server's
/// treatment of backslashes.
pub(super) fn quoted(text: &str) -> String {
    format!("E'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_quoted_in_one_statement() {
        assert_eq!(sets(&[]), None);
        let settings = [SessionSetting::new("search_path", r"a'b\"), SessionSetting::new("lock_timeout", "1s")];
        let wanted = r"select set_config(E'search_path', E'a\'b\\', false), set_config(E'lock_timeout', E'1s', false)";
        assert_eq!(sets(&settings).as_deref(), Some(wanted));
    }

    #[tokio::test]
    async fn settings_of_the_url_arrive() {
        let Some(database) = testkit::postgres::database().await else { return };
        let url = format!("{}&options=-c%20search_path%3Do'ther%20--work_mem=1MB", database.url);
        let crate::DatabaseUrl::Postgres(server) = url.parse().unwrap() else { panic!("a server") };
        let mut connection = SessionOptions::from_server(&server, "it").connect().await.unwrap();
        for (name, wanted) in [("search_path", "o'ther"), ("work_mem", "1MB"), ("application_name", "it")] {
            let sql = "select current_setting($1)";
            let value: String = sqlx::query_scalar(sql).bind(name).fetch_one(&mut connection).await.unwrap();
            assert_eq!(value, wanted);
        }
    }
}
