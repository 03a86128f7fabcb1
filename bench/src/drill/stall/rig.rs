//! Both services as processes, one of them or their PostgreSQL with a small share of a core.

use std::path::Path;

use tempfile::TempDir;
use testkit::postgres::{PostgresServer, Throttle};

use super::client::StallClient;
use super::plan::StallSubject;
use crate::Failure;
use crate::drill::DRILL_SETTINGS;
use crate::drill::revocation::SERVICE_KEY;
use crate::process::{Process, Setup};

/// Number of clients.
const CLIENT_COUNT: usize = 64;

/// The processes.
pub(super) struct StallRig {
    pub(super) clients: Vec<StallClient>,
    /// Stops the subject of the drill.
    pub(super) throttle: Throttle,
    _processes: [Process; 2],
    _server: Option<PostgresServer>,
    _folder: TempDir,
}

impl StallRig {
    /// Starts the services and registers the clients, then limits the subject's share.
    pub(super) async fn start(program: &Path, subject: StallSubject) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let server = match subject {
            StallSubject::Database => Some(PostgresServer::start().await?),
            _ => None,
        };
        let mut databases = Vec::new();
        for name in ["auth", "blog"] {
            databases.push(match &server {
                Some(server) => server.create_database().await?,
                None => format!("sqlite:{}", folder.path().join(format!("{name}.db")).display()),
            });
        }
        let setup = |command: &'static str, arguments: &[&str], key: &'static str| Setup {
            program: program.to_owned(),
            command,
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            environment: DRILL_SETTINGS
                .into_iter()
                .chain([(key, SERVICE_KEY)])
                .map(|(name, value)| (name, value.to_owned()))
                .collect(),
            log: folder.path().join(format!("{command}.log")),
        };
        let auth = Process::start(setup("auth", &["--database-url", &databases[0]], "AUTH_SERVICE_KEY"))?;
        let url = format!("http://{}", auth.address());
        let arguments = ["--database-url", &databases[1], "--auth-url", &url];
        let blog = Process::start(setup("blog", &arguments, "BLOG_SERVICE_KEY"))?;
        let mut clients = Vec::new();
        for number in 0..CLIENT_COUNT {
            clients.push(StallClient::register(number, &auth, &blog).await?);
        }
        let throttle = match (&server, subject) {
            (Some(server), _) => server.throttle(subject.share()).await?,
            (None, StallSubject::Blog) => Throttle::of_process(blog.id()?, subject.share())?,
            (None, _) => Throttle::of_process(auth.id()?, subject.share())?,
        };
        Ok(Self { clients, throttle, _processes: [auth, blog], _server: server, _folder: folder })
    }
}
