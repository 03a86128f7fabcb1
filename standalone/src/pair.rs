//! Both services in one process. They talk over the wire, as on two machines.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use db::DatabaseUrl;
use gatepost::Token;
use kit::config::{ConfigError, Environment, address, bind, check_plaintext, parse};
use kit::lifecycle::{Lifecycle, shutdown_delay};
use kit::process::Process;
use kit::{Clock, ServiceAddress, output};
use tokio::net::TcpListener;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// Places of the pair.
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
}

/// Settings of a single service that the pair sets itself.
const PAIR_SETTINGS: [&str; 7] = [
    "AUTH_LISTEN",
    "AUTH_DATABASE_URL",
    "AUTH_SHUTDOWN_DELAY",
    "BLOG_LISTEN",
    "BLOG_DATABASE_URL",
    "BLOG_AUTH_URL",
    "BLOG_SHUTDOWN_DELAY",
];

/// Both services, bound and not yet serving.
pub(crate) struct Pair {
    auth: auth_service::Config,
    blog: blog_service::Config,
    auth_listener: TcpListener,
    blog_listener: TcpListener,
    auth_at: SocketAddr,
    blog_at: SocketAddr,
}

impl PairFlags {
    /// Returns flags for free ports of this machine and this folder.
    pub(crate) fn on_free_ports(folder: &Path) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { data_dir: folder.to_owned(), auth_listen: free, blog_listen: free, shutdown_delay: Duration::ZERO }
    }
}

impl Pair {
    /// Reads the settings and binds the listeners.
    pub(crate) async fn bind(
        flags: &PairFlags,
        environment: Environment,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut auth: auth_service::Flags = parse(["auth".into()], environment, &PAIR_SETTINGS)?;
        let mut blog: blog_service::Flags = parse(["blog".into()], environment, &PAIR_SETTINGS)?;
        for (name, listen, insecure, switch) in [
            ("--auth-listen (GATEPOST_AUTH_LISTEN)", flags.auth_listen, auth.insecure, "AUTH_INSECURE"),
            ("--blog-listen (GATEPOST_BLOG_LISTEN)", flags.blog_listen, blog.insecure, "BLOG_INSECURE"),
        ] {
            check_plaintext(name, listen.ip().is_loopback(), insecure, switch)?;
        }
        auth.listen = flags.auth_listen;
        blog.listen = flags.blog_listen;
        auth.database_url = DatabaseUrl::file(flags.data_dir.join("auth.db"));
        blog.database_url = DatabaseUrl::file(flags.data_dir.join("blog.db"));
        let mut auth = auth_service::Config::new(auth, environment, Clock::system())?.bind_ops().await?;

        let auth_listener = bind("--auth-listen (GATEPOST_AUTH_LISTEN)", flags.auth_listen).await?;
        let blog_listener = bind("--blog-listen (GATEPOST_BLOG_LISTEN)", flags.blog_listen).await?;
        let (auth_at, blog_at) = (auth_listener.local_addr()?, blog_listener.local_addr()?);
        blog.auth_url = ServiceAddress::reaching(auth_at);
        let mut blog = blog_service::Config::new(blog, environment, Clock::system())?.bind_ops().await?;
        // The two services share a key; a key of the process is enough.
        auth.service_key = auth.service_key.or_else(new_key);
        blog.service_key.clone_from(&auth.service_key);
        Ok(Self { auth, blog, auth_listener, blog_listener, auth_at, blog_at })
    }

    /// Returns the address of the auth service.
    pub(crate) fn auth_at(&self) -> SocketAddr {
        self.auth_at
    }

    /// Returns the address of the blog service.
    pub(crate) fn blog_at(&self) -> SocketAddr {
        self.blog_at
    }

    /// Serves both until the signal. Both leave together. The auth service drains after the blog service, whose guard needs
    /// it for its last calls. If one service ends by itself, the other one is stopped.
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

/// Runs both until the signal, and prints a hint for the user.
pub(crate) async fn run(
    flags: PairFlags,
    environment: Environment,
    process: Process,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    warn_of_ignored_settings(environment)?;
    let pair = Pair::bind(&flags, environment).await?;
    let (auth_at, blog_at) = (pair.auth_at, pair.blog_at);
    let [blog_life, auth_life] = process.services(flags.shutdown_delay);
    let leaving = blog_life.leaving().clone();
    let hint = async {
        // The listeners are bound, so the calls wait until their services answer, or are dropped with them.
        tokio::select! {
            // First: a failed service does not answer, and the hint is useless then.
            biased;
            () = leaving.cancelled() => {}
            ((), ()) = async { tokio::join!(wait_until_answering(auth_at), wait_until_answering(blog_at)) } => hint(&flags.data_dir, auth_at, blog_at),
        }
    };
    let (ended, ()) = tokio::join!(pair.serve(blog_life, auth_life), hint);
    ended
}

/// Logs each setting of a single service that the pair ignores.
fn warn_of_ignored_settings(environment: Environment) -> Result<(), ConfigError> {
    let files = PAIR_SETTINGS.iter().filter(|name| name.ends_with("_URL")).map(|name| format!("{name}_FILE"));
    for name in PAIR_SETTINGS.iter().map(|name| (*name).to_owned()).chain(files) {
        if environment.text(&name)?.is_some() {
            tracing::warn!(
                "{name} has no effect on the pair: use --data-dir, --auth-listen, --blog-listen and --shutdown-delay"
            );
        }
    }
    Ok(())
}

/// Waits until the service at this address answers or refuses a health check.
pub(crate) async fn wait_until_answering(address: SocketAddr) {
    let Ok(endpoint) = Endpoint::from_shared(ServiceAddress::reaching(address).url()) else { return };
    let _ = HealthClient::new(endpoint.connect_lazy()).check(HealthCheckRequest::default()).await;
}

/// Prints three commands to try, on standard error, because standard output is for scripts.
fn hint(folder: &Path, auth: SocketAddr, blog: SocketAddr) {
    output::err(&format!(
        r#"
Data in {}; Ctrl-C stops. Try:
  grpcurl -plaintext -d '{{"name":"Ada","email":"ada@example.com","password":"correct horse battery staple"}}' {auth} gatepost.auth.v1.UserService/CreateUser
  grpcurl -plaintext -H "api-token: $TOKEN" -d '{{"title":"Hello","content":"First post."}}' {blog} gatepost.blog.v1.PostService/CreatePost
  grpcurl -plaintext -H "api-token: $TOKEN" {blog} gatepost.blog.v1.PostService/ListPosts
"#,
        folder.display()
    ));
}
