//! Both services in one process. They talk over the wire, as on two machines.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use auth_service::{AuthFlags, AuthGreeting, ServiceKey, StartFacts};
use blog_service::{BlogFlags, BlogGreeting};
use clap::Args;
use db::{DatabaseUrl, shown_url};
use gatepost::Token;
use kit::config::{
    ConfigError, EffectiveSetting, Environment, InsecureSwitch, address, bind, check_plaintext, parse_with_settings,
};
use kit::lifecycle::{Lifecycle, shutdown_delay};
use kit::output::LogFormat;
use kit::process::Process;
use kit::reload::Reload;
use kit::telemetry::LogControl;
use kit::{Clock, ServiceAddress};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::greeting::PairGreeting;
use crate::place::PairPlace;

/// Addresses and data folder of the pair.
#[derive(Clone, Debug, Args)]
pub(crate) struct PairFlags {
    /// Folder of the databases and the signing key
    #[arg(long, env = "GATEPOST_DATA_DIR", default_value = "gatepost-data", hide_env_values = true)]
    data_dir: PathBuf,
    /// Address of the auth service; port 0 takes a free one
    #[arg(long, env = "GATEPOST_AUTH_LISTEN", default_value = "127.0.0.1:50051", value_parser = address, hide_env_values = true)]
    auth_listen: SocketAddr,
    /// Address of the blog service; port 0 takes a free one
    #[arg(long, env = "GATEPOST_BLOG_LISTEN", default_value = "127.0.0.1:50052", value_parser = address, hide_env_values = true)]
    blog_listen: SocketAddr,
    /// Time for which a stopping pair still accepts calls, so that balancers can move; 0 to 1h. SIGINT skips it
    #[arg(long, env = "GATEPOST_SHUTDOWN_DELAY", default_value = "0s", value_parser = shutdown_delay, hide_env_values = true)]
    shutdown_delay: Duration,
    /// Form of the log's lines on standard error: text, or json for programs that collect them
    #[arg(
        long,
        env = "GATEPOST_LOG_FORMAT",
        default_value = "text",
        hide_env_values = true,
        hide_possible_values = true
    )]
    pub(crate) log_format: LogFormat,
}

/// Settings of a single service that the pair sets itself.
const PAIR_SETTINGS: [&str; 9] = [
    "AUTH_LISTEN",
    "AUTH_DATABASE_URL",
    "AUTH_SHUTDOWN_DELAY",
    "AUTH_LOG_FORMAT",
    "BLOG_LISTEN",
    "BLOG_DATABASE_URL",
    "BLOG_AUTH_URL",
    "BLOG_SHUTDOWN_DELAY",
    "BLOG_LOG_FORMAT",
];

const AUTH_LISTEN: &str = "--auth-listen (GATEPOST_AUTH_LISTEN)";
const BLOG_LISTEN: &str = "--blog-listen (GATEPOST_BLOG_LISTEN)";

/// Settings of both services, with the addresses and databases of the pair.
pub(crate) struct PairSettings {
    pub(crate) auth: AuthFlags,
    pub(crate) blog: BlogFlags,
    /// Settings in effect of both services, without those that the pair sets itself.
    pub(crate) effective: Vec<EffectiveSetting>,
}

impl PairSettings {
    /// Reads the settings from the environment, and sets those of the pair.
    ///
    /// # Errors
    /// Names the setting.
    pub(crate) fn read(flags: &PairFlags, environment: Environment) -> Result<Self, ConfigError> {
        let auth = parse_with_settings(["auth".into()], environment, &PAIR_SETTINGS, shown_url)?;
        let blog = parse_with_settings(["blog".into()], environment, &PAIR_SETTINGS, shown_url)?;
        let effective = [auth.settings, blog.settings].concat();
        let (mut auth, mut blog): (AuthFlags, BlogFlags) = (auth.command, blog.command);
        let auth_cert = auth.tls.tls_cert.clone();
        for (name, listen, has_tls, is_on, switch) in [
            (AUTH_LISTEN, flags.auth_listen, auth_cert.is_some(), auth.insecure, "AUTH_INSECURE"),
            (BLOG_LISTEN, flags.blog_listen, blog.tls.tls_cert.is_some(), blog.insecure, "BLOG_INSECURE"),
        ] {
            check_plaintext(name, has_tls || listen.ip().is_loopback(), InsecureSwitch { name: switch, is_on })?;
        }
        auth.listen = flags.auth_listen;
        blog.listen = flags.blog_listen;
        auth.database_url = DatabaseUrl::file(flags.data_dir.join("auth.db"));
        blog.database_url = DatabaseUrl::file(flags.data_dir.join("blog.db"));
        blog.auth_url = vec![ServiceAddress::reaching(flags.auth_listen).with_tls(auth_cert.is_some())];
        blog.auth_tls.own_auth_cert = auth_cert;
        Ok(Self { auth, blog, effective })
    }
}

/// Both services, bound and not yet serving.
pub(crate) struct Pair {
    auth: auth_service::AuthConfig,
    blog: blog_service::BlogConfig,
    auth_listener: TcpListener,
    blog_listener: TcpListener,
    auth_at: PairPlace,
    blog_at: PairPlace,
}

impl PairFlags {
    /// Returns flags for free ports of this machine and this folder.
    pub(crate) fn on_free_ports(folder: &Path) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let (shutdown_delay, log_format) = Default::default();
        Self { data_dir: folder.to_owned(), auth_listen: free, blog_listen: free, shutdown_delay, log_format }
    }
}

impl Pair {
    /// Reads the settings and binds the listeners.
    pub(crate) async fn bind(
        flags: &PairFlags,
        environment: Environment,
        reload: Reload,
        log: &LogControl,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let PairSettings { auth, mut blog, .. } = PairSettings::read(flags, environment)?;
        let (auth_cert, blog_cert) = (auth.tls.tls_cert.clone(), blog.tls.tls_cert.clone());
        let auth = auth_service::AuthConfig::new(auth, environment, Clock::system())?;
        let mut auth = auth.reloaded_by(reload.clone()).logged_by(log.clone()).bind_ops().await?;

        let auth_listener = bind(AUTH_LISTEN, flags.auth_listen).await?;
        let blog_listener = bind(BLOG_LISTEN, flags.blog_listen).await?;
        let (auth_at, blog_at) = (auth_listener.local_addr()?, blog_listener.local_addr()?);
        blog.auth_url = vec![ServiceAddress::reaching(auth_at).with_tls(auth_cert.is_some())];
        let blog = blog_service::BlogConfig::new(blog, environment, Clock::system())?;
        let mut blog = blog.reloaded_by(reload).logged_by(log.clone()).bind_ops().await?;
        // Both services are in this process, so a service key that exists only here is enough.
        if auth.service_keys.is_empty() {
            auth.service_keys.extend(new_key().map(ServiceKey::unnamed));
        }
        blog.service_key = auth.service_keys.first().map(|key| key.key.clone());
        let auth_at = PairPlace { address: auth_at, certificate: auth_cert };
        let blog_at = PairPlace { address: blog_at, certificate: blog_cert };
        Ok(Self { auth, blog, auth_listener, blog_listener, auth_at, blog_at })
    }

    /// Returns the address of the auth service.
    pub(crate) fn auth_at(&self) -> PairPlace {
        self.auth_at.clone()
    }

    /// Returns the address of the blog service.
    pub(crate) fn blog_at(&self) -> PairPlace {
        self.blog_at.clone()
    }

    /// Returns the greeting, and the receiver of the facts that it needs.
    fn greeting(&mut self) -> (PairGreeting, oneshot::Receiver<StartFacts>) {
        let (sender, facts) = oneshot::channel();
        self.auth.greeting = Some(sender);
        let greeting = PairGreeting {
            auth: AuthGreeting::new(&self.auth),
            blog: BlogGreeting::new(&self.blog),
            auth_at: self.auth_at(),
            blog_at: self.blog_at(),
        };
        (greeting, facts)
    }

    /// Serves both until the signal. Both leave together. The auth service drains last, because the blog service's guard
    /// needs it for the last calls. If one service ends by itself, the other one is stopped.
    pub(crate) async fn serve(
        self,
        blog_life: Lifecycle,
        auth_life: Lifecycle,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let auth = async {
            let ended = auth_service::run(self.auth, self.auth_listener, auth_life.clone()).await;
            blog_life.stop();
            ended.map_err(Box::<dyn Error + Send + Sync>::from)
        };
        let blog = async {
            let ended = blog_service::run(self.blog, self.blog_listener, blog_life.clone()).await;
            auth_life.stop();
            ended.map_err(Box::<dyn Error + Send + Sync>::from)
        };
        let (auth, blog) = tokio::join!(auth, blog);
        auth.and(blog)
    }
}

/// Returns a new service key for this process.
fn new_key() -> Option<Token> {
    let bytes = kit::random::bytes::<32>();
    Token::parse(&bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))).ok()
}

/// Runs both until the signal, and prints a greeting for the user.
pub(crate) async fn run(
    flags: PairFlags,
    environment: Environment,
    process: Process,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    warn_of_ignored_settings(environment)?;
    let mut pair = Pair::bind(&flags, environment, process.reload(), &process.log()).await?;
    let (greeting, facts) = pair.greeting();
    let [blog_life, auth_life] = process.services(flags.shutdown_delay);
    let leaving = blog_life.leaving().clone();
    let greet = async {
        // The listeners are bound already, so these calls wait until the services answer. They fail if a service ends.
        tokio::select! {
            // First: a failed service does not answer, and the greeting is useless then.
            biased;
            () = leaving.cancelled() => {}
            ((), ()) = async {
                tokio::join!(greeting.auth_at.wait_until_answering(), greeting.blog_at.wait_until_answering())
            } => {
                if let Ok(facts) = facts.await {
                    greeting.print(&flags.data_dir, facts);
                }
            }
        }
    };
    let (ended, ()) = tokio::join!(pair.serve(blog_life, auth_life), greet);
    ended
}

/// Logs each setting of a single service that the pair ignores.
fn warn_of_ignored_settings(environment: Environment) -> Result<(), ConfigError> {
    let files = PAIR_SETTINGS.iter().filter(|name| name.ends_with("_URL")).map(|name| format!("{name}_FILE"));
    for name in PAIR_SETTINGS.iter().map(|name| (*name).to_owned()).chain(files) {
        if environment.text(&name)?.is_some() {
            tracing::warn!(
                "{name} has no effect on the pair: use --data-dir, --auth-listen, --blog-listen, --shutdown-delay and \
                 --log-format"
            );
        }
    }
    Ok(())
}
