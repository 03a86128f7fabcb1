//! An auth service and a guarded service, each in a process of its own, and callers that record outcomes.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, GetPostRequest, get_post_request};
use gatepost::{Token, WithToken};
use tempfile::TempDir;
use testkit::proxy::Proxy;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use super::kids::{register, tokens};
use crate::Failure;
use crate::drill::{DRILL_SETTINGS, OutageMeter};
use crate::process::{Process, Setup};

/// The longest time that a caller waits for an answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time for which a guard delays a call. A call that began within this time before a fault may meet the fault.
pub(super) const MAX_GUARDED_WAIT: Duration = Duration::from_millis(600);

/// The reason in the answer of a guard that cannot reach the auth service.
const AUTH_UNAVAILABLE_REASON: &str = "AUTH_UNAVAILABLE";

/// The guards' service key.
pub(super) const SERVICE_KEY: &str = "the-drills-own-key-of-guards-that-live-for-a-drill";

/// The processes, and the guard's connection to the auth service.
pub(super) struct GuardedRig {
    pub(super) auth: Process,
    pub(super) guarded: Process,
    pub(super) link: Proxy,
    /// Good tokens that no guard has seen.
    tokens: Vec<String>,
    /// The post that all callers read.
    post: String,
    _folder: TempDir,
}

/// A call of the drill.
pub(super) struct GuardedCall {
    pub(super) caller: usize,
    pub(super) begun: Instant,
    /// Status of a call about which the guard did not decide, or a timeout after 5 s.
    pub(super) failure: Option<String>,
}

/// The calls of all callers.
#[derive(Clone, Default)]
pub(super) struct GuardedCalls(Arc<Mutex<Vec<GuardedCall>>>);

impl GuardedRig {
    /// Starts both services, the auth service on this database or else on an SQLite file, and gets this many tokens.
    pub(super) async fn start(program: &Path, database: Option<String>, count: usize) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let file = |name: &str| format!("sqlite:{}", folder.path().join(format!("{name}.db")).display());
        let settings = DRILL_SETTINGS.into_iter().chain([("AUTH_SERVICE_KEY", SERVICE_KEY)]);
        let auth = Process::start(Setup {
            program: program.to_owned(),
            command: "auth",
            arguments: vec!["--database-url".into(), database.unwrap_or_else(|| file("auth"))],
            environment: settings.map(|(name, value)| (name, value.to_owned())).collect(),
            log: folder.path().join("auth.log"),
        })?;
        let link = Proxy::to_address(auth.address());
        let arguments = ["--database-url", &file("blog"), "--auth-url", &format!("http://{}", link.address())];
        let guarded = Process::start(Setup {
            program: program.to_owned(),
            command: "blog",
            arguments: arguments.map(str::to_owned).into(),
            environment: vec![("BLOG_SERVICE_KEY", SERVICE_KEY.into())],
            log: folder.path().join("blog.log"),
        })?;
        let channel = auth.channel().await?;
        let mut tokens = tokens(&channel, register(&channel, 0).await?, count).await?;
        let post = write(guarded.channel().await?, &tokens.pop().ok_or("no token")?).await?;
        Ok(Self { auth, guarded, link, tokens, post, _folder: folder })
    }

    /// Starts a caller for each token. Each caller repeats its token, and `share` callers share a connection.
    pub(super) async fn warm_callers(
        &self,
        share: usize,
        period: Duration,
        calls: &GuardedCalls,
    ) -> Result<JoinSet<()>, Failure> {
        let (mut callers, mut blog) = (JoinSet::new(), self.guarded.channel().await?);
        for (caller, token) in self.tokens.iter().cloned().enumerate() {
            if caller % share == 0 {
                blog = self.guarded.channel().await?;
            }
            let reader = GuardedReader { blog: blog.clone(), post: self.post.clone(), caller, calls: calls.clone() };
            callers.spawn(reader.call_periodically(std::iter::repeat(token), period));
        }
        Ok(callers)
    }

    /// Starts a caller that uses the next token with each call.
    pub(super) async fn cold_caller(&self, period: Duration, calls: &GuardedCalls) -> Result<JoinSet<()>, Failure> {
        let (mut callers, blog) = (JoinSet::new(), self.guarded.channel().await?);
        let reader = GuardedReader { blog, post: self.post.clone(), caller: 0, calls: calls.clone() };
        callers.spawn(reader.call_periodically(self.tokens.clone().into_iter(), period));
        Ok(callers)
    }
}

/// A caller that reads a post.
#[derive(Clone)]
struct GuardedReader {
    blog: Channel,
    post: String,
    caller: usize,
    calls: GuardedCalls,
}

impl GuardedReader {
    /// Starts a call with the next token at each interval, without waiting for earlier calls.
    async fn call_periodically(self, tokens: impl Iterator<Item = String> + Send, period: Duration) {
        let (mut ticks, mut open) = (interval(period), JoinSet::new());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for token in tokens {
            ticks.tick().await;
            while open.try_join_next().is_some() {}
            let one = self.clone();
            open.spawn(async move { one.call(&token).await });
        }
    }

    async fn call(&self, token: &str) {
        let begun = Instant::now();
        let failure = match timeout(CALL_TIMEOUT, self.read(token)).await {
            Ok(Ok(())) => None,
            Ok(Err(status)) => undecided(&status),
            Err(_) => Some("no answer within 5 s".to_owned()),
        };
        self.calls.add(GuardedCall { caller: self.caller, begun, failure });
    }

    async fn read(&self, token: &str) -> Result<(), Status> {
        read(&self.blog, &self.post, token).await
    }
}

/// Reads a post with this token.
pub(super) async fn read(blog: &Channel, post: &str, token: &str) -> Result<(), Status> {
    let token = Token::parse(token).map_err(|fault| Status::internal(fault.to_string()))?;
    let mut client = PostServiceClient::with_interceptor(blog.clone(), WithToken::new(&token));
    let request = GetPostRequest { post: Some(get_post_request::Post::Id(post.to_owned())), view: 0 };
    client.get_post(request).await.map(drop)
}

/// Returns the text of the status if the guard has not admitted the call. Failures of the guarded service itself do not
/// count, because this machine may be too slow for it.
pub(super) fn undecided(status: &Status) -> Option<String> {
    let reason = status.get_details_error_info().map(|info| info.reason);
    let is_decided = reason.as_deref().is_some_and(|reason| reason != AUTH_UNAVAILABLE_REASON);
    (!is_decided).then(|| format!("{:?}: {}", status.code(), status.message()))
}

/// Writes the post to read, and returns its id.
pub(super) async fn write(blog: Channel, token: &str) -> Result<String, Failure> {
    let token = Token::parse(token)?;
    let mut client = PostServiceClient::with_interceptor(blog, WithToken::new(&token));
    let request = CreatePostRequest { title: "Post".into(), content: "content".into(), ..CreatePostRequest::default() };
    Ok(client.create_post(request).await?.into_inner().post.ok_or("no post")?.id)
}

impl GuardedCalls {
    fn add(&self, call: GuardedCall) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// Returns all calls that have ended.
    pub(super) fn take(&self) -> Vec<GuardedCall> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns the longest time from the start of a caller's successful call to the start of its next one.
pub(super) fn worst_outage(calls: &[GuardedCall]) -> Duration {
    let mut meter = OutageMeter::default();
    let Some(origin) = calls.iter().map(|call| call.begun).min() else { return Duration::ZERO };
    let mut good: Vec<_> = calls.iter().filter(|call| call.failure.is_none()).collect();
    good.sort_by_key(|call| call.begun);
    for call in good {
        meter.success(call.caller, call.begun - origin);
    }
    meter.worst()
}
