//! The service's settings, and their checks at the start.

mod admin;
mod attempts;
mod audit;
mod clock;
mod exposed;
mod keys;
mod proxies;
mod quotas;
mod refresh;
mod secrets;
mod service_keys;
mod signing;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, ValueEnum, ValueHint, value_parser};
use kit::Clock;
use kit::config::{
    ConfigError, Environment, address, bind, boolean, check_encrypted, check_plaintext, check_published, duration,
    warn_plaintext,
};
use kit::lifecycle::shutdown_delay;
use kit::otlp::CollectorAddress;
use kit::reload::Reload;
use kit::telemetry::LogControl;
use kit::tls::TlsParts;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(crate) use admin::Admin;
pub use attempts::AttemptFlags;
pub use audit::AuditFlags;
pub use clock::ClockFlags;
pub use keys::KeyFlags;
pub(crate) use keys::check_lead;
pub use proxies::ProxyFlags;
pub use quotas::QuotaFlags;
pub use refresh::RefreshFlags;
pub use secrets::SECRETS;
pub use service_keys::ServiceKey;
pub use signing::SigningSettings;
pub use tls::TlsFlags;

use crate::domain::{Audiences, PasswordPolicy};
use crate::keys::model::Key;
use crate::keys::storage::MasterKey;
use crate::store::DatabaseUrl;

/// Shortest and longest life of an access token (C30).
const ACCESS_TTL: std::ops::RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(24);

/// Longest life of a session (C35).
const MAX_REFRESH_TTL: Duration = Duration::from_hours(24 * 30);

const OPS_LISTEN: &str = "--ops-listen (AUTH_OPS_LISTEN)";

/// Headings of the help.
const TOKENS: &str = "Tokens and sessions";
const USERS: &str = "Users";

/// The auth service: users, sessions, tokens and their introspection
#[derive(Clone, Debug, Parser)]
#[command(name = "auth-service", after_help = secrets::help())]
pub struct AuthFlags {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "AUTH_LISTEN", default_value = "127.0.0.1:50051", value_parser = address, hide_env_values = true)]
    pub listen: SocketAddr,
    /// Address of the operations port, over HTTP, or HTTPS with TLS: /livez, /readyz, /.well-known/jwks.json; port 0 takes a
    /// free one. Unset: none
    #[arg(long, env = "AUTH_OPS_LISTEN", value_parser = address, hide_env_values = true)]
    pub ops_listen: Option<SocketAddr>,
    /// Database: sqlite:PATH, or `postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full`. `AUTH_DATABASE_URL_FILE` names
    /// a file that holds it
    #[arg(long, env = "AUTH_DATABASE_URL", default_value = "sqlite:gatepost-data/auth.db", hide_env_values = true,
          value_hint = ValueHint::Url)]
    pub database_url: DatabaseUrl,
    /// Issuer (`iss`) written into tokens, 1 to 256 bytes. A new value revokes all older tokens
    #[arg(long, help_heading = TOKENS, env = "AUTH_ISSUER", default_value = "gatepost", hide_env_values = true)]
    pub issuer: String,
    /// Audiences (`aud`) written into a token if its request names no audience, comma separated
    #[arg(long, help_heading = TOKENS, env = "AUTH_AUDIENCE", default_value = "gatepost", value_delimiter = ',', hide_env_values = true)]
    pub audience: Vec<String>,
    /// Audience that the auth service requires of its callers' tokens; unset: the first of --audience. A separate audience,
    /// which is not in --audience, keeps guarded services from using a caller's token at the auth service
    #[arg(long, help_heading = TOKENS, env = "AUTH_OWN_AUDIENCE", hide_env_values = true)]
    pub own_audience: Option<String>,
    /// Life of an access token, 1m to 1d, at most --refresh-idle-ttl
    #[arg(long, help_heading = TOKENS, env = "AUTH_ACCESS_TTL", default_value = "1d", value_parser = duration, hide_env_values = true)]
    pub access_ttl: Duration,
    /// Life of a session without a refresh, at most --refresh-ttl
    #[arg(long, help_heading = TOKENS, env = "AUTH_REFRESH_IDLE_TTL", default_value = "7d", value_parser = duration, hide_env_values = true)]
    pub refresh_idle_ttl: Duration,
    /// Longest life of a session, up to 30d
    #[arg(long, help_heading = TOKENS, env = "AUTH_REFRESH_TTL", default_value = "30d", value_parser = duration, hide_env_values = true)]
    pub refresh_ttl: Duration,
    /// Registration of users by everyone, or by admins only
    #[arg(long, help_heading = USERS, env = "AUTH_REGISTRATION", default_value = "open", hide_env_values = true)]
    pub registration: Registration,
    /// Minimum length of a new password in characters, 8 to 64; NIST SP 800-63B-4 asks for 15 if the password is the
    /// only factor
    #[arg(long, help_heading = USERS, env = "AUTH_PASSWORD_MIN_LENGTH", default_value = "8", hide_env_values = true,
          value_parser = value_parser!(u8).range(PasswordPolicy::MIN_LENGTHS))]
    pub password_min_length: u8,
    /// Email address of the first admin; the account is created if no active user is an admin
    #[arg(long, help_heading = USERS, env = "AUTH_ADMIN_EMAIL", hide_env_values = true)]
    pub admin_email: Option<String>,
    /// Time for which a stopping service still accepts calls, so that balancers can move; 0 to 1h. SIGINT skips it
    #[arg(long, env = "AUTH_SHUTDOWN_DELAY", default_value = "0s", value_parser = shutdown_delay, hide_env_values = true)]
    pub shutdown_delay: Duration,
    /// Allow plaintext beyond loopback, for listening and for the database, and the secrets of `.env.example`
    #[arg(long, env = "AUTH_INSECURE", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = boolean, hide_env_values = true)]
    pub insecure: bool,
    // Last, since later flags would appear under these headings.
    /// TLS of both ports
    #[command(flatten, next_help_heading = "TLS")]
    pub tls: TlsFlags,
    /// Rotation of the signing key pairs
    #[command(flatten, next_help_heading = "Key pairs that sign")]
    pub keys: KeyFlags,
    /// Refresh tokens after a lost answer
    #[command(flatten, next_help_heading = "Refresh tokens after a lost answer")]
    pub refresh: RefreshFlags,
    /// Tolerated difference between clocks
    #[command(flatten, next_help_heading = "Clocks")]
    pub clock: ClockFlags,
    /// Limits of wrong passwords and registrations
    #[command(flatten, next_help_heading = "Limits of wrong passwords and registrations")]
    pub attempts: AttemptFlags,
    /// Quotas of addresses and users
    #[command(flatten, next_help_heading = "Quotas of addresses and users")]
    pub quotas: QuotaFlags,
    /// Audit log
    #[command(flatten, next_help_heading = "Audit log")]
    pub audit: AuditFlags,
    /// Proxies before the service
    #[command(flatten, next_help_heading = "Proxies before the service")]
    pub proxies: ProxyFlags,
    /// Limits of the server
    #[command(flatten, next_help_heading = "Limits of the server")]
    pub limits: LimitFlags,
    /// Log and telemetry
    #[command(flatten, next_help_heading = "Log and telemetry")]
    pub telemetry: TelemetryFlags,
}

kit::limit_flags!(pub struct LimitFlags, "AUTH");
kit::telemetry_flags!(pub struct TelemetryFlags, "AUTH");

/// Registration of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Everyone may register
    Open,
    /// Only admins create users
    Closed,
}

/// Configuration of the service: flags, secrets, clock and listener.
pub struct AuthConfig {
    /// Flags.
    pub flags: AuthFlags,
    /// Audiences of tokens.
    pub audiences: Audiences,
    /// HS256 key; without one, key pairs in the database or in a file sign.
    pub secret_key: Option<Key>,
    /// Master key that seals the key pairs in the database; without one, they are in a file.
    pub master_key: Option<MasterKey>,
    /// Key that other services present.
    pub service_keys: Vec<ServiceKey>,
    /// First admin.
    pub admin: Option<Admin>,
    /// Clock of the service.
    pub clock: Clock,
    /// Listener of the operations port, if there is such a port.
    pub ops: Option<TcpListener>,
    /// TLS of the ports.
    pub tls: TlsParts,
    /// Requests to read the TLS files again.
    pub reload: Reload,
    /// Control of the process's log.
    pub log: LogControl,
    /// Collector of spans and metrics, if there is one.
    pub collector: Option<CollectorAddress>,
    /// Sentences about published secrets in use.
    pub published: Vec<String>,
    /// Receiver of the facts of the start.
    pub greeting: Option<oneshot::Sender<StartFacts>>,
}

/// Facts that a start has found out.
#[derive(Clone, Copy, Debug)]
pub struct StartFacts {
    /// True if an active user is an admin.
    pub has_admin: bool,
}

impl AuthFlags {
    /// Returns the rules for new passwords.
    pub(crate) fn passwords(&self) -> PasswordPolicy {
        PasswordPolicy::new(self.password_min_length)
    }

    /// Reads the audiences of tokens.
    pub(crate) fn audiences(&self) -> Result<Audiences, ConfigError> {
        const NAMES: &str = "--audience (AUTH_AUDIENCE), with --own-audience (AUTH_OWN_AUDIENCE)";
        let audiences = Audiences::new(self.audience.clone(), self.own_audience.clone());
        audiences.ok_or_else(|| ConfigError::setting(NAMES, Audiences::RULE))
    }
}

impl AuthConfig {
    /// Checks the flags and reads the secrets.
    ///
    /// # Errors
    /// [`ConfigError`] with the name of the setting, without its value.
    pub fn new(flags: AuthFlags, environment: Environment, clock: Clock) -> Result<Self, ConfigError> {
        let tls = TlsParts { server: flags.tls.open(&clock)?, client: None };
        check(&flags)?;
        let collector = flags.telemetry.open(flags.insecure_switch())?;
        let audiences = flags.audiences()?;
        flags.attempts.check()?;
        flags.audit.check()?;
        flags.refresh.check()?;
        flags.proxies.check()?;
        flags.keys.check()?;
        flags.clock.check()?;
        let SigningSettings { secret_key, master_key } = SigningSettings::read(environment)?;
        let service_keys = ServiceKey::read_all(environment)?;
        let password = environment.secret("AUTH_ADMIN_PASSWORD")?;
        let admin = Admin::read(flags.admin_email.as_deref(), password, flags.passwords())?;
        let mut published = Vec::new();
        for (name, is_published) in [
            ("AUTH_MASTER_KEY", master_key.as_ref().is_some_and(MasterKey::is_published)),
            ("AUTH_SERVICE_KEY", service_keys.iter().any(ServiceKey::is_published)),
            ("the password in AUTH_DATABASE_URL or PGPASSWORD", flags.database_url.has_published_password()),
        ] {
            published.extend(check_published(name, is_published, flags.insecure_switch())?);
        }
        warn_plaintext(flags.insecure_switch(), &flags.exposed());
        let (ops, reload, log, greeting) = Default::default();
        Ok(Self {
            flags,
            audiences,
            secret_key,
            master_key,
            service_keys,
            admin,
            clock,
            ops,
            tls,
            reload,
            log,
            collector,
            published,
            greeting,
        })
    }

    /// Sends the facts of the start to this receiver.
    #[must_use]
    pub fn greeted_by(self, greeting: oneshot::Sender<StartFacts>) -> Self {
        Self { greeting: Some(greeting), ..self }
    }

    /// Reads the TLS files again at each of these requests.
    #[must_use]
    pub fn reloaded_by(self, reload: Reload) -> Self {
        // Without a receiver, SIGHUP is logged as ignored.
        if self.tls.is_empty() { self } else { Self { reload, ..self } }
    }

    /// Lets operators change the filter of this log at the operations port.
    #[must_use]
    pub fn logged_by(self, log: LogControl) -> Self {
        Self { log, ..self }
    }

    /// Binds the operations port, if one is set.
    ///
    /// # Errors
    /// [`ConfigError`] with what to do.
    pub async fn bind_ops(mut self) -> Result<Self, ConfigError> {
        if let Some(listen) = self.flags.ops_listen {
            self.ops = Some(bind(OPS_LISTEN, listen).await?);
        }
        Ok(self)
    }
}

fn check(flags: &AuthFlags) -> Result<(), ConfigError> {
    let switch = flags.insecure_switch();
    let has_tls = flags.tls.tls_cert.is_some();
    check_plaintext("--listen (AUTH_LISTEN)", has_tls || flags.listen.ip().is_loopback(), switch)?;
    let is_private = has_tls || flags.ops_listen.is_none_or(|listen| listen.ip().is_loopback());
    check_plaintext(OPS_LISTEN, is_private, switch)?;
    check_encrypted("--database-url (AUTH_DATABASE_URL)", flags.database_url.is_private(), switch)?;
    let problem = if !ACCESS_TTL.contains(&flags.access_ttl) {
        ("--access-ttl (AUTH_ACCESS_TTL)", "must be from 1m to 1d")
    } else if flags.access_ttl > flags.refresh_idle_ttl {
        ("--access-ttl (AUTH_ACCESS_TTL)", "must not be longer than --refresh-idle-ttl")
    } else if flags.refresh_idle_ttl > flags.refresh_ttl {
        ("--refresh-idle-ttl (AUTH_REFRESH_IDLE_TTL)", "must not be longer than --refresh-ttl")
    } else if flags.refresh_ttl > MAX_REFRESH_TTL {
        ("--refresh-ttl (AUTH_REFRESH_TTL)", "must be at most 30d")
    } else if flags.issuer.is_empty() || flags.issuer.len() > 256 {
        ("--issuer (AUTH_ISSUER)", "must have 1 to 256 bytes")
    } else {
        return Ok(());
    };
    Err(ConfigError::setting(problem.0, problem.1))
}
