//! Followers: a thousand guards follow one auth service while it revokes fifty times a second.
//!
//! The drill revokes at a fixed rate, without waiting for answers, and counts the refused revocations.

use std::collections::BTreeMap;
use std::future::ready;
use std::path::Path;
use std::time::{Duration, SystemTime};

use gatepost::api::auth::v1::session_service_client::SessionServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::watch_revocations_request::Message as RequestMessage;
use gatepost::api::auth::v1::watch_revocations_response::Message as ResponseMessage;
use gatepost::api::auth::v1::{
    Acknowledge, CreateUserRequest, LoginRequest, Renew, Resume, RevokeAllSessionsRequest, WatchRevocationsRequest,
    auth_service_client::AuthServiceClient,
};
use gatepost::{Token, WithToken};
use hdrhistogram::Histogram;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, interval_at};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Status;
use tonic::transport::Channel;

use crate::Failure;
use crate::drill::{ADMIN_EMAIL, Broken, DRILL_PASSWORD, DRILL_SETTINGS, Report};
use crate::services::{Services, channel};

/// Number of guards. They run on the same machine as the service, so a debug build can have only fewer.
pub(super) const GUARD_COUNT: usize = if cfg!(debug_assertions) { 200 } else { 1_000 };

/// The service key of the drill's guards.
const SERVICE_KEY: &str = "drill-5f1c0a7be2d94b33a6c8e1f04d9b";

/// The time from one revocation to the next.
const REVOCATION_INTERVAL: Duration = Duration::from_millis(20);

/// The time from one request of a guard to the next.
const RENEWAL_INTERVAL: Duration = Duration::from_millis(500);

/// Limits of two medians, in ms: the time until a guard receives a revocation, and the time of a logout.
const MAX_MEDIAN_LAG_MS: u64 = 500;
const MAX_MEDIAN_LOGOUT_MS: u64 = 25;

/// The largest share of the revocations that may be refused.
const MAX_REFUSED_SHARE: f64 = 0.01;

/// Runs the scenario against a pair of its own: first without followers, then with this many.
///
/// # Errors
/// Fails if the pair does not start, or a follower is not served.
pub(super) async fn run(program: &Path, followers: usize, length: Duration) -> Result<Report, Failure> {
    let folder = tempfile::tempdir()?;
    let keys = [("AUTH_SERVICE_KEY", SERVICE_KEY), ("BLOG_SERVICE_KEY", SERVICE_KEY)];
    let pair = Services::pair(program, folder.path(), |command| command.envs(DRILL_SETTINGS).envs(keys)).await?;
    let user = register(&pair.auth).await?;
    let alone = revoke(&pair.auth, &user, length / 4).await?;
    let (lag, mut lags) = mpsc::unbounded_channel();
    let mut listening = JoinSet::new();
    for number in 0..followers {
        // Requests of all guards are spread over the interval.
        let first = Instant::now() + RENEWAL_INTERVAL * u32::try_from(number)? / u32::try_from(followers)?;
        let follower = DrillFollower::connect(pair.auth_address()).await?;
        listening.spawn(follower.follow(first, lag.clone()));
    }
    drop(lag);
    let before = pair.processor_time()?;
    let beside = revoke(&pair.auth, &user, length).await?;
    let processor = pair.processor_time()? - before;
    listening.abort_all();
    let mut ended = 0;
    while let Some(result) = listening.join_next().await {
        // Only followers that ended by themselves count: the drill aborts the other ones.
        ended += usize::from(result.is_ok());
    }
    let mut delays = Histogram::<u64>::new(3)?;
    while let Ok(millis) = lags.try_recv() {
        delays.record(millis)?;
    }
    pair.stop()?;
    let share = processor / length.as_secs_f64();
    Ok(FollowerFigures { followers, ended, delays, share, alone, beside }.report())
}

/// The result of a run.
struct FollowerFigures {
    followers: usize,
    /// Followers with a stream that has ended by itself.
    ended: usize,
    /// Delay of each revocation at each follower, in milliseconds.
    delays: Histogram<u64>,
    /// Cores that the services used.
    share: f64,
    /// Revocations without followers.
    alone: RevocationTimes,
    /// Revocations with the followers.
    beside: RevocationTimes,
}

impl FollowerFigures {
    fn report(&self) -> Report {
        let Self { followers, ended, delays, share, alone, beside } = self;
        let [p50, p99] = [0.5, 0.99].map(|part| delays.value_at_quantile(part));
        let made = beside.took.len();
        let mut report = Report::default();
        report.lines.push(format!(
            "followers: {followers}, {ended} ended; revocations: {made} made, {} refused {:?}; {} received; lag p50 {p50} ms, p99 \
             {p99} ms; processor {:.0} %",
            beside.refused(),
            beside.refusals,
            delays.len(),
            share * 100.0
        ));
        report.lines.push(format!(
            "a revocation takes p50 {} ms, p99 {} ms; without followers p50 {} ms, p99 {} ms",
            beside.millis(0.5),
            beside.millis(0.99),
            alone.millis(0.5),
            alone.millis(0.99)
        ));
        let all = u64::try_from(*followers).unwrap_or(u64::MAX) * made;
        let mut miss = |promise, seen: String| report.broken.push(Broken::new(promise, seen));
        if *ended > 0 {
            miss("no follower loses its stream", format!("{ended} of {followers}"));
        }
        if delays.len() * 100 < all * 95 {
            miss("each follower receives each revocation", format!("{} of {all}", delays.len()));
        }
        if beside.share_refused() > MAX_REFUSED_SHARE {
            miss("at most 1 % of the revocations are refused", format!("{:.1} %", beside.share_refused() * 100.0));
        }
        if p50 > MAX_MEDIAN_LAG_MS {
            miss("half of the revocations reach a follower within 500 ms", format!("{p50} ms"));
        }
        if beside.millis(0.5) > MAX_MEDIAN_LOGOUT_MS {
            miss("half of the revocations take at most 25 ms", format!("{} ms", beside.millis(0.5)));
        }
        report
    }
}

/// Revocations at a fixed rate, by their outcome.
struct RevocationTimes {
    /// Times of the revocations that succeeded, in microseconds.
    took: Histogram<u64>,
    /// Refused revocations by status.
    refusals: BTreeMap<String, u64>,
}

impl RevocationTimes {
    fn millis(&self, part: f64) -> u64 {
        self.took.value_at_quantile(part) / 1000
    }

    fn refused(&self) -> u64 {
        self.refusals.values().sum()
    }

    fn share_refused(&self) -> f64 {
        let [refused, made] = [self.refused(), self.took.len()].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        f64::from(refused) / f64::from(refused.saturating_add(made).max(1))
    }

    fn record(&mut self, call: Result<Duration, Status>) -> Result<(), Failure> {
        match call {
            Ok(took) => self.took.record(u64::try_from(took.as_micros())?)?,
            Err(status) => *self.refusals.entry(format!("{:?}: {}", status.code(), status.message())).or_default() += 1,
        }
        Ok(())
    }
}

/// A guard's stream.
struct DrillFollower {
    requests: mpsc::UnboundedSender<WatchRevocationsRequest>,
    responses: tonic::Streaming<gatepost::api::auth::v1::WatchRevocationsResponse>,
}

impl DrillFollower {
    async fn connect(address: &str) -> Result<Self, Failure> {
        let (requests, outgoing) = mpsc::unbounded_channel();
        requests.send(WatchRevocationsRequest { message: Some(RequestMessage::Resume(Resume::default())) })?;
        let token = WithToken::new(&Token::parse(SERVICE_KEY)?);
        let mut client = TokenServiceClient::with_interceptor(channel(address).await?, token);
        let responses = client.watch_revocations(UnboundedReceiverStream::new(outgoing)).await?.into_inner();
        Ok(Self { requests, responses })
    }

    /// Acknowledges and renews as a guard does, with one acknowledgment for all messages that arrive together. Sends
    /// the delay of each revocation, in milliseconds.
    async fn follow(mut self, first: Instant, lag: mpsc::UnboundedSender<u64>) -> Result<(), Failure> {
        let mut renewals = interval_at(first, RENEWAL_INTERVAL);
        let (mut nonce, mut owed) = (0, None);
        loop {
            let message = tokio::select! {
                biased;
                received = self.responses.message() => {
                    let message = received?.ok_or("the stream has ended")?.message;
                    let Some(ResponseMessage::Revocation(revocation)) = message else { continue };
                    let written = SystemTime::try_from(revocation.create_time.ok_or("no time")?)?;
                    lag.send(u64::try_from(age(written).as_millis())?)?;
                    owed = Some(revocation.revision);
                    continue;
                }
                () = ready(()), if owed.is_some() => {
                    RequestMessage::Acknowledge(Acknowledge { revision: owed.take().unwrap_or_default() })
                }
                _ = renewals.tick() => {
                    nonce += 1;
                    RequestMessage::Renew(Renew { nonce })
                }
            };
            self.requests.send(WatchRevocationsRequest { message: Some(message) })?;
        }
    }
}

/// Returns the time since this moment.
#[expect(clippy::disallowed_methods, reason = "the service's times come from this machine's clock")]
fn age(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}

/// Registers a user, and returns its id.
async fn register(auth: &Channel) -> Result<String, Failure> {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: "ada@example.com".into(),
        password: DRILL_PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let created = UserServiceClient::new(auth.clone()).create_user(request).await?.into_inner();
    Ok(created.user.ok_or("no user")?.id)
}

/// Revokes at intervals as the admin, without waiting for the answers.
async fn revoke(auth: &Channel, user: &str, length: Duration) -> Result<RevocationTimes, Failure> {
    let login = LoginRequest { email: ADMIN_EMAIL.into(), password: DRILL_PASSWORD.into(), ..LoginRequest::default() };
    let admin = AuthServiceClient::new(auth.clone()).login(login).await?.into_inner();
    let token = admin.tokens.ok_or("no tokens")?.access_token;
    let token = WithToken::new(&Token::parse(&token)?);
    let client = SessionServiceClient::with_interceptor(auth.clone(), token);
    let (mut ticks, end) = (interval(REVOCATION_INTERVAL), Instant::now() + length);
    let mut calls = JoinSet::new();
    while Instant::now() < end {
        ticks.tick().await;
        let (mut client, request) = (client.clone(), RevokeAllSessionsRequest { user_id: user.to_owned() });
        calls.spawn(async move {
            let began = Instant::now();
            client.revoke_all_sessions(request).await.map(|_| began.elapsed())
        });
    }
    let mut revoked = RevocationTimes { took: Histogram::new(3)?, refusals: BTreeMap::new() };
    while let Some(call) = calls.join_next().await {
        revoked.record(call?)?;
    }
    Ok(revoked)
}
