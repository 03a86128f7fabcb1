//! Setting that names a database.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kit::config::{cleaned, is_published};
use percent_encoding::percent_decode_str;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::options::{SessionSetting, session_settings};

/// URL of a database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(PostgresUrl),
}

/// Address, credentials and database of a PostgreSQL server. Its text shows neither user nor password.
#[derive(Clone)]
pub struct PostgresUrl {
    options: Box<PgConnectOptions>,
    /// Settings of each session from `options`.
    settings: Vec<SessionSetting>,
}

/// Allowed parameters after the `?`. The driver would only warn about other parameters, and log their values.
const URL_PARAMETERS: [&str; 8] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port", "application_name", "options"];

const URL_HINT: &str = "write sqlite:PATH, for example sqlite:gatepost-data/auth.db, or \
     postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full";

const OPTIONS_HINT: &str = "write options=-c%20NAME%3DVALUE, several with %20 between them";

impl DatabaseUrl {
    /// Returns the URL of the SQLite file at `path`.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite(path.into())
    }

    /// Returns the path of a SQLite file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// Returns true if traffic to the database stays on this machine or is encrypted.
    pub fn is_private(&self) -> bool {
        match self {
            Self::Sqlite(_) => true,
            Self::Postgres(server) => server.is_local() || server.is_encrypted(),
        }
    }

    /// Returns true if the certificate of a server is checked.
    pub(super) fn is_verified(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(server) => {
                matches!(server.options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull)
            }
        }
    }

    /// Returns true if `.env.example` shows the password, whether the URL or `PGPASSWORD` has it.
    pub fn has_published_password(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(server) => password(&server.options).is_some_and(|password| is_published(&password)),
        }
    }
}

impl PostgresUrl {
    pub(super) fn options(&self) -> PgConnectOptions {
        (*self.options).clone()
    }

    /// Returns the settings of each session from the URL's `options`.
    pub(super) fn settings(&self) -> Vec<SessionSetting> {
        self.settings.clone()
    }

    fn is_local(&self) -> bool {
        let host = self.options.get_host().trim_start_matches('[').trim_end_matches(']');
        self.options.get_socket().is_some()
            || host.starts_with('/')
            || host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Returns true if the connection is encrypted without a check of the server's certificate.
    pub(super) fn is_unverified(&self) -> bool {
        matches!(self.options.get_ssl_mode(), PgSslMode::Require) && self.options.get_socket().is_none()
    }

    fn is_encrypted(&self) -> bool {
        matches!(self.options.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull)
    }
}

/// Returns the text of a setting with a database URL, without user and password.
pub fn shown_url(text: &str) -> String {
    match text.parse() {
        Ok(DatabaseUrl::Sqlite(path)) => format!("sqlite:{}", path.display()),
        Ok(server) => server.to_string(),
        Err(_) => "set".to_owned(),
    }
}

/// Returns a name for messages, without user and password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(formatter),
            Self::Postgres(server) => server.fmt(formatter),
        }
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.options.get_database().unwrap_or_default();
        match self.options.get_socket() {
            Some(socket) => write!(formatter, "the PostgreSQL database {database} at {}", socket.display()),
            None => {
                write!(
                    formatter,
                    "the PostgreSQL database {database} at {}:{}",
                    self.options.get_host(),
                    self.options.get_port()
                )
            }
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Server({self})")
    }
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return server(text).map(Self::Postgres);
        }
        let path = text.strip_prefix("sqlite:").ok_or(URL_HINT)?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains('?') || path.starts_with(':') {
            return Err("write sqlite:PATH with the path of a file, without parameters");
        }
        Ok(Self::file(path))
    }
}

fn server(text: &str) -> Result<PostgresUrl, &'static str> {
    if let Some((_, query)) = text.split_once('?') {
        let is_known = |part: &str| {
            let name = part.split_once('=').map_or(part, |(name, _)| name);
            URL_PARAMETERS.contains(&name)
        };
        if !query.split('&').all(is_known) {
            return Err("after the ? only sslmode, sslrootcert, sslcert, sslkey, host, port, application_name and \
                 options are allowed");
        }
    }
    let (text, settings) = split_options(text)?;
    let options = PgConnectOptions::from_str(&text).map_err(
        |_| "write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for an @ in the password and so on",
    )?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err("name the database, too: postgres://USER:PASSWORD@HOST:PORT/DATABASE");
    }
    let Some(password) = password(&options) else { return Ok(PostgresUrl { options: Box::new(options), settings }) };
    let clean = cleaned(&password).map_err(|_| {
        "the password, here or in PGPASSWORD, has a control character, a byte order mark or an outer blank: remove it"
    })?;
    Ok(PostgresUrl { options: Box::new(options.password(clean)), settings })
}

/// Returns the URL without its `options`, and the settings in them. A pooler may refuse them or drop them silently, so
/// they are not sent with the first message of a connection.
fn split_options(text: &str) -> Result<(String, Vec<SessionSetting>), &'static str> {
    let Some((place, query)) = text.split_once('?') else { return Ok((text.to_owned(), Vec::new())) };
    let (mut settings, mut rest) = (Vec::new(), Vec::new());
    for part in query.split('&') {
        match part.strip_prefix("options=") {
            Some(options) => {
                let options = options.replace('+', " ");
                let options = percent_decode_str(&options).decode_utf8().map_err(|_| OPTIONS_HINT)?;
                settings.extend(session_settings(&options).ok_or(OPTIONS_HINT)?);
            }
            None => rest.push(part),
        }
    }
    let text = if rest.is_empty() { place.to_owned() } else { format!("{place}?{}", rest.join("&")) };
    Ok((text, settings))
}

/// Returns the password of the URL, or of `PGPASSWORD` if the URL has no password.
fn password(options: &PgConnectOptions) -> Option<String> {
    let url = options.to_url_lossy();
    Some(percent_decode_str(url.password()?).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_with_and_without_slashes() {
        for (text, path) in [
            ("sqlite:a/b.db", "a/b.db"),
            ("sqlite:/a/b.db", "/a/b.db"),
            ("sqlite://a/b.db", "a/b.db"),
            ("sqlite:///a/b.db", "/a/b.db"),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>().unwrap().path(), Some(Path::new(path)), "{text}");
        }
    }

    #[test]
    fn servers_are_named_without_user_and_password() {
        for (text, name) in [
            ("postgres://ada:secret@db:5433/auth", "the PostgreSQL database auth at db:5433"),
            ("postgresql://ada:secret@localhost/auth?host=/run/pg", "the PostgreSQL database auth at /run/pg"),
        ] {
            let DatabaseUrl::Postgres(server) = text.parse().unwrap() else { panic!("{text}") };
            assert_eq!((server.to_string(), format!("{server:?}")), (name.to_owned(), format!("Server({name})")));
        }
    }

    /// C65: plaintext beyond this machine is detected.
    #[test]
    fn plaintext_beyond_this_machine_is_detected() {
        for (text, private) in [
            ("sqlite:a.db", true),
            ("postgres://u@localhost/d", true),
            ("postgres://u@127.0.0.1/d", true),
            ("postgres://u@[::1]/d", true),
            ("postgres://u@x/d?host=/run/pg", true),
            ("postgres://u@db/d?sslmode=require", true),
            ("postgres://u@db/d?sslmode=verify-full", true),
            ("postgres://u@db/d", false),
            ("postgres://u@db/d?sslmode=prefer", false),
            ("postgres://u@10.0.0.1/d?sslmode=disable", false),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>().unwrap().is_private(), private, "{text}");
        }
    }

    #[test]
    fn password_loses_one_newline() {
        let read = |text: &str| {
            let DatabaseUrl::Postgres(server) = text.parse().unwrap() else { panic!("{text}") };
            password(&server.options)
        };
        assert_eq!(read("postgres://u:a%40b%0A@h/d").as_deref(), Some("a@b"));
        assert_eq!(read("postgres://u:a%0D%0A@h/d").as_deref(), Some("a"));
        for bad in ["postgres://u:a%0A%0A@h/d", "postgres://u:%20a@h/d", "postgres://u:%EF%BB%BFa@h/d"] {
            assert!(bad.parse::<DatabaseUrl>().unwrap_err().contains("PGPASSWORD"), "{bad}");
        }
    }

    #[test]
    fn published_password_is_detected() {
        let is_published = |text: &str| text.parse::<DatabaseUrl>().unwrap().has_published_password();
        assert!(is_published("postgres://auth:local-use-only-auth@h/d"));
        assert!(is_published("postgres://auth:local%2Duse-only-auth%0A@h/d"));
        assert!(!is_published("postgres://auth:another@h/d") && !is_published("postgres://auth@h/d"));
    }

    #[test]
    fn unverified_server_is_detected() {
        for (text, unverified) in [
            ("postgres://u@db/d?sslmode=require", true),
            ("postgres://u@db/d?sslmode=verify-full", false),
            ("postgres://u@db/d", false),
            ("postgres://u@x/d?sslmode=require&host=/run/pg", false),
        ] {
            let DatabaseUrl::Postgres(server) = text.parse().unwrap() else { panic!("{text}") };
            assert_eq!(server.is_unverified(), unverified, "{text}");
        }
    }

    #[test]
    fn invalid_url_is_refused() {
        for text in [
            "",
            "a.db",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:a.db?mode=ro",
            "mysql://h",
            "postgres://u:p@h",
            "postgres://u:p@h/",
            "postgres://u:p@h:port/d",
            "postgres://u:p@h/d?sslmode=perhaps",
            "postgres://u:p@h/d?passwrod=secret",
            "postgres://u:p@h/d?options=search_path%3Da",
            "postgres://u:p@h/d?options=-c%20search_path",
        ] {
            assert!(text.parse::<DatabaseUrl>().is_err(), "{text}");
        }
    }
}
