//! Processes of the drill: an auth service, or two on one PostgreSQL, and guarded services.

use std::path::Path;

use blog_service::api::v1::CreatePostRequest;
use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::{AuthService, Token, WithToken};
use tempfile::TempDir;
use testkit::postgres::PostgresServer;
use testkit::proxy::Proxy;
use tonic::transport::Channel;

use super::callers::Checker;
use super::{CheckPlace, RevocableSession, RevocationHistory, TokenCaller, register};
use crate::Failure;
use crate::drill::DRILL_SETTINGS;
use crate::process::{Process, Setup};

/// Number of guarded services.
pub const GUARD_COUNT: usize = 3;

/// The guards' service key.
pub(in crate::drill) const SERVICE_KEY: &str = "the-drills-own-key-of-guards-that-live-for-a-drill";

/// All processes, and the connections between them.
pub struct RevocationRig {
    /// The auth service that clients ask.
    pub auth: Process,
    /// The replica that the guards use, if it is not the clients' one, and its connection to the database.
    pub(super) replica: Option<ServiceReplica>,
    /// The guarded services.
    pub guards: Vec<Guarded>,
    folder: TempDir,
}

/// Another auth service on the same database.
pub(super) struct ServiceReplica {
    process: Process,
    /// The replica's connection to the database.
    pub(super) link: Proxy,
    _server: PostgresServer,
}

/// A guarded service.
pub struct Guarded {
    /// The guard's process.
    pub process: Process,
    /// The guard's connection to the auth service.
    pub(super) link: Proxy,
    /// Id of a post in the guarded service.
    pub post: String,
}

impl RevocationRig {
    /// Starts one auth service, on an SQLite file, and the guards.
    ///
    /// # Errors
    /// Fails if a process does not start.
    pub async fn alone(program: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let database = format!("sqlite:{}", folder.path().join("auth.db").display());
        let auth = auth(program, &folder, "auth", &database)?;
        Self { auth, replica: None, guards: Vec::new(), folder }.guarded(program).await
    }

    /// Starts two auth services on one PostgreSQL, and the guards. Clients ask the first, guards the second.
    ///
    /// # Errors
    /// Fails if a process does not start.
    pub async fn replicated(program: &Path, server: PostgresServer) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let url = server.create_database().await?;
        let name =
            url.split('?').next().and_then(|before| before.rsplit('/').next()).ok_or("a URL with no database")?;
        let link = Proxy::to_socket(server.socket());
        let first = auth(program, &folder, "auth", &url)?;
        let process = auth(program, &folder, "replica", &server.url_at(link.address(), name))?;
        let replica = Some(ServiceReplica { process, link, _server: server });
        Self { auth: first, replica, guards: Vec::new(), folder }.guarded(program).await
    }

    /// Returns a caller of each guard with this session's token, over connections of their own.
    ///
    /// # Errors
    /// Fails if a guard accepts no connection.
    pub async fn callers(
        &self,
        number: usize,
        session: &RevocableSession,
        history: &RevocationHistory,
    ) -> Result<Vec<TokenCaller>, Failure> {
        let mut callers = Vec::new();
        for (guard, Guarded { process, post, .. }) in self.guards.iter().enumerate() {
            let checker = Checker::Guard { blog: process.channel().await?, post: post.clone() };
            callers.push(caller(number, session, history, CheckPlace::Guard(guard), checker));
        }
        Ok(callers)
    }

    /// Returns a caller of each replica of the auth service with this session's token, over connections of their own.
    /// Replica 0 is the one that clients ask for revocations.
    ///
    /// # Errors
    /// Fails if a replica accepts no connection.
    pub(super) async fn replica_callers(
        &self,
        number: usize,
        session: &RevocableSession,
        history: &RevocationHistory,
    ) -> Result<Vec<TokenCaller>, Failure> {
        let mut callers = Vec::new();
        let replicas = [&self.auth].into_iter().chain(self.replica.iter().map(|replica| &replica.process));
        for (replica, process) in replicas.enumerate() {
            let checker = Checker::Replica(process.channel().await?);
            callers.push(caller(number, session, history, CheckPlace::Replica(replica), checker));
        }
        Ok(callers)
    }

    /// Returns a guard's client of the auth service in this process, which follows the revocations.
    ///
    /// # Errors
    /// Fails if the service key is no token.
    pub fn follower(&self) -> Result<AuthService, Failure> {
        let url = format!("http://{}", self.auth.address());
        Ok(AuthService::builder(url).service_key(&Token::parse(SERVICE_KEY)?).build()?)
    }

    async fn guarded(mut self, program: &Path) -> Result<Self, Failure> {
        let asked = self.replica.as_ref().map_or(&self.auth, |replica| &replica.process).address();
        let author = register(&self.auth.channel().await?, "author@example.com").await?;
        for number in 0..GUARD_COUNT {
            let link = Proxy::to_address(asked);
            let database = format!("sqlite:{}", self.folder.path().join(format!("blog-{number}.db")).display());
            let arguments = ["--database-url", &database, "--auth-url", &format!("http://{}", link.address())];
            let process = Process::start(Setup {
                program: program.to_owned(),
                command: "blog",
                arguments: arguments.map(str::to_owned).into(),
                environment: vec![("BLOG_SERVICE_KEY", SERVICE_KEY.into())],
                log: self.folder.path().join(format!("blog-{number}.log")),
            })?;
            let post = write(process.channel().await?, &author.token).await?;
            self.guards.push(Guarded { process, link, post });
        }
        Ok(self)
    }
}

fn caller(
    number: usize,
    session: &RevocableSession,
    history: &RevocationHistory,
    place: CheckPlace,
    checker: Checker,
) -> TokenCaller {
    TokenCaller { history: history.clone(), session: number, place, token: session.token.clone(), checker }
}

fn auth(program: &Path, folder: &TempDir, name: &str, database: &str) -> Result<Process, Failure> {
    let environment = DRILL_SETTINGS.into_iter().chain([("AUTH_SERVICE_KEY", SERVICE_KEY)]);
    Process::start(Setup {
        program: program.to_owned(),
        command: "auth",
        arguments: vec!["--database-url".into(), database.into()],
        environment: environment.map(|(name, value)| (name, value.to_owned())).collect(),
        log: folder.path().join(format!("{name}.log")),
    })
}

/// Writes the post to read, and returns its id.
pub(in crate::drill) async fn write(blog: Channel, token: &Token) -> Result<String, Failure> {
    let request = CreatePostRequest { title: "Post".into(), content: "content".into(), ..CreatePostRequest::default() };
    let mut posts = PostServiceClient::with_interceptor(blog, WithToken::new(token));
    Ok(posts.create_post(request).await?.into_inner().post.ok_or("no post")?.id)
}
