//! Two auth services behind one guard: restarts and kills of either lose no guarded call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use blog_service::api::v1::ListPostsRequest;
use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::api::auth::v1::CreateUserRequest;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use kit::shutdown::Shutdown;
use rustix::process::Signal;
use testkit::postgres::PostgresDatabase;
use tokio::task::{JoinSet, block_in_place, yield_now};
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};

use super::pair::PASSWORD;
use super::service::{SEALED, Service, Which, command, command_at};
use super::world::{with_deadline, with_token};

/// Service key of the auth services and of one blog service.
const SERVICE_KEY: &str = "a-service-key-of-these-tests-that-is-long-enough";

/// Concurrent callers of each blog service.
const CALLERS: usize = 4;

/// Calls of each blog service between two faults.
const CALLS_BETWEEN_FAULTS: u64 = 200;

/// Limit of the story on a busy machine.
const STORY_LIMIT: Duration = Duration::from_mins(4);

/// Two auth services on one database, and two blog services that ask both of them. One blog service follows the
/// revocations. The other has no service key, and asks at each call.
struct World {
    auth: [Option<Service>; 2],
    auth_at: [String; 2],
    blogs: Vec<Service>,
    blogs_at: Vec<String>,
    databases: [PostgresDatabase; 2],
}

/// Guarded calls at one blog service.
#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    lost: AtomicU64,
}

impl World {
    /// Starts the services; returns `None` if PostgreSQL is skipped.
    async fn start() -> Option<Self> {
        let databases = [testkit::postgres::database().await?, testkit::postgres::database().await?];
        let mut auth = [0, 1].map(|_| auth(&databases[0].url, "127.0.0.1:0"));
        let auth_at = [0, 1].map(|replica| auth[replica].serves());
        let urls = auth_at.each_ref().map(|at| format!("http://{at}")).join(",");
        let mut blogs: Vec<_> = [Some(SERVICE_KEY), None]
            .into_iter()
            .map(|key| {
                let mut command = command(Which::Blog, &databases[1].url);
                command.args(["--auth-url", &urls]).env("RUST_LOG", "warn");
                Service::spawn(command.envs(key.map(|key| ("BLOG_SERVICE_KEY", key))), Vec::new())
            })
            .collect();
        let blogs_at = blogs.iter_mut().map(Service::serves).collect();
        Some(Self { auth: auth.map(Some), auth_at, blogs, blogs_at, databases })
    }

    /// Registers a user and returns an access token.
    async fn register(&self) -> String {
        let channel = Endpoint::from_shared(format!("http://{}", self.auth_at[0])).unwrap().connect_lazy();
        let request = with_deadline(CreateUserRequest {
            name: "Ada".into(),
            email: "ada@example.com".into(),
            password: PASSWORD.into(),
            ..CreateUserRequest::default()
        });
        UserServiceClient::new(channel).create_user(request).await.unwrap().into_inner().tokens.unwrap().access_token
    }

    /// Ends an auth service with this signal, and starts the next one in its place.
    fn restart(&mut self, replica: usize, signal: Signal) {
        // The waits block the thread, and the runtime has others.
        block_in_place(|| {
            let ended = self.auth[replica].take().unwrap();
            ended.signal(signal);
            assert_eq!(ended.code(), (signal == Signal::TERM).then_some(0));
            let mut next = auth(&self.databases[0].url, &self.auth_at[replica]);
            next.serves();
            self.auth[replica] = Some(next);
        });
    }
}

fn auth(url: &str, listen: &str) -> Service {
    let mut command = command_at(Which::Auth, url, listen);
    command.envs(SEALED).env("AUTH_SERVICE_KEY", SERVICE_KEY).env("RUST_LOG", "warn");
    Service::spawn(&mut command, Vec::new())
}

/// Calls a blog service until the end, without retries.
fn call(at: &str, token: &str, tally: &Arc<Tally>, end: &Shutdown, callers: &mut JoinSet<()>) {
    let channel: Channel = Endpoint::from_shared(format!("http://{at}")).unwrap().connect_lazy();
    for _ in 0..CALLERS {
        let (tally, end, token) = (Arc::clone(tally), end.clone(), token.to_owned());
        let mut posts = PostServiceClient::new(channel.clone());
        callers.spawn(async move {
            while !end.is_cancelled() {
                match posts.list_posts(with_token(ListPostsRequest::default(), &token)).await {
                    Ok(_) => tally.answered.fetch_add(1, Relaxed),
                    Err(status) => {
                        println!("lost: {status:?}");
                        tally.lost.fetch_add(1, Relaxed)
                    }
                };
            }
        });
    }
}

/// Waits until each blog service has answered more calls.
async fn calls_go_on(tallies: &[Arc<Tally>]) {
    for tally in tallies {
        let before = tally.answered.load(Relaxed);
        while tally.answered.load(Relaxed) < before + CALLS_BETWEEN_FAULTS {
            yield_now().await;
        }
    }
}

/// Ends each auth service in turn with this signal, under guarded calls.
async fn restarts_lose_no_call(signal: Signal) {
    let Some(mut world) = World::start().await else { return };
    let token = world.register().await;
    let (end, mut callers) = (Shutdown::new(), JoinSet::new());
    let tallies: Vec<_> = world.blogs_at.iter().map(|_| Arc::<Tally>::default()).collect();
    for (at, tally) in world.blogs_at.iter().zip(&tallies) {
        call(at, &token, tally, &end, &mut callers);
    }
    for replica in [0, 1, 0, 1] {
        calls_go_on(&tallies).await;
        world.restart(replica, signal);
    }
    calls_go_on(&tallies).await;
    end.cancel();
    callers.join_all().await;
    for tally in &tallies {
        println!("{} calls answered, {} lost", tally.answered.load(Relaxed), tally.lost.load(Relaxed));
    }
    assert_eq!(tallies.iter().map(|tally| tally.lost.load(Relaxed)).sum::<u64>(), 0);
    drop(world.blogs);
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_restart_of_auth_loses_no_guarded_call() {
    timeout(STORY_LIMIT, restarts_lose_no_call(Signal::TERM)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_auth_replica_loses_no_guarded_call() {
    timeout(STORY_LIMIT, restarts_lose_no_call(Signal::KILL)).await.unwrap();
}
