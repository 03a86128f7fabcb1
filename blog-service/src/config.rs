//! Settings of the service, and their checks before it listens.

mod auth_tls;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueHint};
use gatepost::Token;
use kit::cli::OutputFlags;
use kit::config::{
    ConfigError, Environment, InsecureSwitch, address, bind, boolean, check_encrypted, check_plaintext,
    check_published, is_published, warn_plaintext,
};
use kit::healthcheck::Healthcheck;
use kit::lifecycle::shutdown_delay;
use kit::otlp::CollectorAddress;
use kit::peer::{Networks, ProxyProtocol, networks};
use kit::reload::Reload;
use kit::telemetry::LogControl;
use kit::tls::TlsParts;
use kit::{Clock, ServiceAddress};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use auth_tls::AuthTlsFlags;
pub use tls::TlsFlags;

use crate::secrets;
use crate::store::DatabaseUrl;

const AUTH_URL: &str = "--auth-url (BLOG_AUTH_URL)";

const OPS_LISTEN: &str = "--ops-listen (BLOG_OPS_LISTEN)";

/// Setting that allows plaintext beyond loopback and published secrets.
const INSECURE_SETTING: &str = "BLOG_INSECURE";

/// Sentence about reads without a token.
pub(crate) const PUBLIC_READS: &str =
    "BLOG_PUBLIC_READS is true: everyone who reaches the service reads all posts; unset it unless that is intended";

/// The blog service: posts, behind the guard.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "blog-service",
    version,
    disable_help_subcommand = true,
    after_help = secrets::help()
)]
pub struct BlogFlags {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "BLOG_LISTEN", default_value = "127.0.0.1:50052", value_parser = address, hide_env_values = true)]
    pub listen: SocketAddr,
    /// Address of the operations port, over HTTP, or HTTPS with TLS: /livez, /readyz; port 0 takes a free one. Unset: none
    #[arg(long, env = "BLOG_OPS_LISTEN", value_parser = address, hide_env_values = true)]
    pub ops_listen: Option<SocketAddr>,
    /// Database: sqlite:PATH, or `postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full`. `BLOG_DATABASE_URL_FILE` names
    /// a file that holds it
    #[arg(long, env = "BLOG_DATABASE_URL", default_value = "sqlite:gatepost-data/blog.db", hide_env_values = true,
          value_hint = ValueHint::Url)]
    pub database_url: DatabaseUrl,
    /// The auth service: http://HOST:PORT, or https://HOST:PORT for TLS. Several replicas: one URL each, separated by
    /// commas, or a host name with several addresses
    #[arg(long, env = "BLOG_AUTH_URL", default_value = "http://127.0.0.1:50051", value_delimiter = ',', num_args = 1,
          value_name = "URL", value_parser = ServiceAddress::parse, hide_env_values = true)]
    pub auth_url: Vec<ServiceAddress>,
    /// Audience (`aud`) that tokens must have
    #[arg(long, env = "BLOG_AUDIENCE", default_value = "gatepost", hide_env_values = true)]
    pub audience: String,
    /// Allow reads of posts without a token
    #[arg(long, env = "BLOG_PUBLIC_READS", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = boolean, hide_env_values = true)]
    pub public_reads: bool,
    /// Posts that a user may create in a minute, at each replica; 0: any number
    #[arg(long, env = "BLOG_USER_POSTS_PER_MINUTE", default_value = "6000", hide_env_values = true)]
    pub user_posts_per_minute: u32,
    /// KiB of posts, with their HTML, that a user may write in a minute, at each replica; 0: any number
    #[arg(long, env = "BLOG_USER_KIB_PER_MINUTE", default_value = "262144", hide_env_values = true)]
    pub user_kib_per_minute: u32,
    /// MiB of memory for cached posts of a SQLite database, at most 65536; 0: none
    #[arg(long, env = "BLOG_POST_CACHE_MIB", default_value = "8", hide_env_values = true,
          value_parser = clap::value_parser!(u32).range(0..=65536))]
    pub post_cache_mib: u32,
    /// Addresses and networks of the proxies before the service, comma separated (`10.0.0.0/8,2001:db8::/32`), for
    /// --proxy-protocol
    #[arg(long, env = "BLOG_TRUSTED_PROXIES", value_parser = networks, hide_env_values = true)]
    pub trusted_proxies: Option<Networks>,
    /// Read a header of the PROXY protocol, version 2, at the start of each connection from a trusted proxy
    #[arg(long, env = "BLOG_PROXY_PROTOCOL", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = boolean, hide_env_values = true)]
    pub proxy_protocol: bool,
    /// Time for which a stopping service still accepts calls, so that balancers can move; 0 to 1h. SIGINT skips it
    #[arg(long, env = "BLOG_SHUTDOWN_DELAY", default_value = "0s", value_parser = shutdown_delay, hide_env_values = true)]
    pub shutdown_delay: Duration,
    /// Allow plaintext beyond loopback, for listening, for the auth service and for the database, and the secrets of
    /// `.env.example`
    #[arg(long, env = "BLOG_INSECURE", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = boolean, hide_env_values = true)]
    pub insecure: bool,
    /// TLS of both ports
    #[command(flatten, next_help_heading = "TLS")]
    pub tls: TlsFlags,
    /// TLS to the auth service
    #[command(flatten, next_help_heading = "TLS to the auth service")]
    pub auth_tls: AuthTlsFlags,
    /// Command to run instead of serving
    #[command(subcommand)]
    pub command: Option<BlogCommand>,
    // Last, since later flags would appear under this heading.
    /// Limits of the server
    #[command(flatten, next_help_heading = "Limits of the server")]
    pub limits: LimitFlags,
    /// Log and telemetry
    #[command(flatten, next_help_heading = "Log and telemetry")]
    pub telemetry: TelemetryFlags,
}

/// Command to run instead of serving.
#[derive(Clone, Debug, Subcommand)]
pub enum BlogCommand {
    /// Ask the running service if it serves: exit code 0 if it does, 1 with a reason if not
    Healthcheck(Healthcheck),
    /// Print the settings in effect, each with its source; secrets as set or unset only
    Config(OutputFlags),
    /// Check settings, database and auth service, and the service if it runs: exit code 0, or 1 if a check fails
    Doctor(OutputFlags),
}

kit::limit_flags!(pub struct LimitFlags, "BLOG");
kit::telemetry_flags!(pub struct TelemetryFlags, "BLOG");

/// Settings, secrets and listeners of the service.
pub struct BlogConfig {
    /// Flags of the command line.
    pub flags: BlogFlags,
    /// Service key for the feed of revocations; `None` means that the guard asks the auth service at each call.
    pub service_key: Option<Token>,
    /// PROXY protocol, if connections begin with its header.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Clock of the service.
    pub clock: Clock,
    /// Listener of the operations port; `None` means no such port.
    pub ops: Option<TcpListener>,
    /// TLS of the ports, and to the auth service.
    pub tls: TlsParts,
    /// Requests to read the TLS files again.
    pub reload: Reload,
    /// Control of the process's log.
    pub log: LogControl,
    /// Collector of spans and metrics, if there is one.
    pub collector: Option<CollectorAddress>,
    /// Sentences about published secrets in use.
    pub published: Vec<String>,
    /// Told once the service has started.
    pub greeting: Option<oneshot::Sender<()>>,
}

impl BlogFlags {
    /// Returns the setting that allows plaintext and published secrets.
    pub(crate) fn insecure_switch(&self) -> InsecureSwitch {
        InsecureSwitch { name: INSECURE_SETTING, is_on: self.insecure }
    }

    /// Lists the connections that send plaintext beyond loopback.
    pub(crate) fn exposed(&self) -> Vec<String> {
        let listeners = [Some(self.listen), self.ops_listen].into_iter().flatten();
        let listeners = listeners.filter(|_| self.tls.tls_cert.is_none());
        let beyond = listeners.filter(|listen| !listen.ip().is_loopback());
        let beyond = beyond.map(|listen| format!("it listens on {listen}"));
        let database = (!self.database_url.is_private()).then(|| self.database_url.to_string());
        let exposed = self.auth_url.iter().filter(|url| !url.is_private());
        let auth = exposed.map(|url| format!("the auth service at {}", url.address()));
        let collector = self.telemetry.otlp_endpoint.as_ref().filter(|collector| !collector.is_private());
        let collector = collector.map(|collector| format!("the collector at {}", collector.address()));
        beyond.chain(database).chain(auth).chain(collector).collect()
    }

    /// Returns the PROXY protocol, if connections begin with its header.
    fn proxies(&self) -> Result<Option<ProxyProtocol>, ConfigError> {
        const NAME: &str = "--trusted-proxies (BLOG_TRUSTED_PROXIES)";
        match (&self.trusted_proxies, self.proxy_protocol) {
            (Some(trusted), true) => Ok(Some(ProxyProtocol::new(trusted.clone()))),
            (None, false) => Ok(None),
            (None, true) => {
                Err(ConfigError::setting(NAME, "must be set with BLOG_PROXY_PROTOCOL: only named proxies are trusted"))
            }
            (Some(_), false) => Err(ConfigError::setting(NAME, "has no effect alone: set BLOG_PROXY_PROTOCOL=true")),
        }
    }
}

impl BlogConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting without its value.
    pub fn new(flags: BlogFlags, environment: Environment, clock: Clock) -> Result<Self, ConfigError> {
        let service_key = environment.service_key("BLOG_SERVICE_KEY")?;
        let switch = flags.insecure_switch();
        let is_used = uses_tls(&flags.auth_url)?;
        let tls = TlsParts { server: flags.tls.open(&clock)?, client: flags.auth_tls.open(is_used)? };
        let is_private = tls.server.is_some() || flags.listen.ip().is_loopback();
        check_plaintext("--listen (BLOG_LISTEN)", is_private, switch)?;
        let is_private = tls.server.is_some() || flags.ops_listen.is_none_or(|listen| listen.ip().is_loopback());
        check_plaintext(OPS_LISTEN, is_private, switch)?;
        check_encrypted("--database-url (BLOG_DATABASE_URL)", flags.database_url.is_private(), switch)?;
        check_plaintext(AUTH_URL, flags.auth_url.iter().all(ServiceAddress::is_private), switch)?;
        let collector = flags.telemetry.open(switch)?;
        if flags.audience.is_empty() || flags.audience.len() > 256 {
            return Err(ConfigError::setting("--audience (BLOG_AUDIENCE)", "must have 1 to 256 bytes"));
        }
        let mut published = Vec::new();
        for (name, is_published) in [
            ("BLOG_SERVICE_KEY", service_key.as_ref().is_some_and(|key| is_published(key.expose()))),
            ("the password in BLOG_DATABASE_URL or PGPASSWORD", flags.database_url.has_published_password()),
        ] {
            published.extend(check_published(name, is_published, switch)?);
        }
        warn_plaintext(switch, &flags.exposed());
        if flags.public_reads {
            tracing::warn!("{PUBLIC_READS}");
        }
        let proxy_protocol = flags.proxies()?;
        let (ops, reload, log, greeting) = Default::default();
        Ok(Self { flags, service_key, proxy_protocol, clock, ops, tls, reload, log, collector, published, greeting })
    }

    /// Tells this receiver once the service has started.
    #[must_use]
    pub fn greeted_by(self, greeting: oneshot::Sender<()>) -> Self {
        Self { greeting: Some(greeting), ..self }
    }

    /// Reads the TLS files again at each of these requests.
    #[must_use]
    pub fn reloaded_by(self, reload: Reload) -> Self {
        // Without a receiver SIGHUP is noted as ignored.
        if self.tls.is_empty() { self } else { Self { reload, ..self } }
    }

    /// Lets operators change the filter of this log at the operations port.
    #[must_use]
    pub fn logged_by(self, log: LogControl) -> Self {
        Self { log, ..self }
    }

    /// Binds the operations port, if its address is set.
    ///
    /// # Errors
    /// [`ConfigError`] says what to do.
    pub async fn bind_ops(mut self) -> Result<Self, ConfigError> {
        if let Some(listen) = self.flags.ops_listen {
            self.ops = Some(bind(OPS_LISTEN, listen).await?);
        }
        Ok(self)
    }
}

/// Returns true if the auth service is reached by TLS.
///
/// # Errors
/// Fails if some URLs are for TLS and others for plaintext.
fn uses_tls(urls: &[ServiceAddress]) -> Result<bool, ConfigError> {
    let count = urls.iter().filter(|url| url.is_tls()).count();
    if count != 0 && count != urls.len() {
        return Err(ConfigError::setting(AUTH_URL, "mixes http:// and https://; write the same for all replicas"));
    }
    Ok(count != 0)
}
