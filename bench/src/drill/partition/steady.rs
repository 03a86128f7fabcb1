//! Clients with good tokens, and clients without a token, which call at a constant rate.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{GetPostRequest, get_post_request};
use gatepost::{Token, WithToken};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tonic::Status;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// Time between two calls of a client.
const CALL_INTERVAL: Duration = Duration::from_millis(25);

/// The longest time that a client waits for an answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A client that calls at a constant rate.
#[derive(Clone)]
pub(super) struct SteadyCaller {
    pub(super) number: usize,
    pub(super) blog: Channel,
    pub(super) method: SteadyMethod,
    pub(super) calls: SteadyCalls,
}

/// The method that a client calls.
#[derive(Clone)]
pub(super) enum SteadyMethod {
    /// Reads a post with a good token.
    Guarded { token: Token, post: String },
    /// Asks for the service's health, without a token.
    Health,
    /// Reads a post without a token.
    PublicRead { post: String },
}

/// A call that has ended.
#[derive(Clone, Debug)]
pub(super) struct SteadyCall {
    pub(super) caller: usize,
    pub(super) is_guarded: bool,
    pub(super) begun: Instant,
    pub(super) failure: Option<String>,
}

/// The calls of all clients.
#[derive(Clone, Default)]
pub(super) struct SteadyCalls(Arc<Mutex<Vec<SteadyCall>>>);

impl SteadyCaller {
    /// Starts a call at each interval, without waiting for earlier calls.
    pub(super) async fn call_periodically(self) {
        let (mut ticks, mut open) = (interval(CALL_INTERVAL), JoinSet::new());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            while open.try_join_next().is_some() {}
            let one = self.clone();
            open.spawn(async move { one.call().await });
        }
    }

    async fn call(&self) {
        let begun = Instant::now();
        let failure = match timeout(CALL_TIMEOUT, self.answer()).await {
            Ok(Ok(())) => None,
            Ok(Err(status)) => Some(format!("{:?}: {}", status.code(), status.message())),
            Err(_) => Some(format!("no answer within {} s", CALL_TIMEOUT.as_secs())),
        };
        let is_guarded = matches!(self.method, SteadyMethod::Guarded { .. });
        self.calls.add(SteadyCall { caller: self.number, is_guarded, begun, failure });
    }

    async fn answer(&self) -> Result<(), Status> {
        let read = |post: &String| GetPostRequest { post: Some(get_post_request::Post::Id(post.clone())), view: 0 };
        let blog = self.blog.clone();
        match &self.method {
            SteadyMethod::Guarded { token, post } => {
                let mut posts = PostServiceClient::with_interceptor(blog, WithToken::new(token));
                posts.get_post(read(post)).await.map(drop)
            }
            SteadyMethod::Health => HealthClient::new(blog).check(HealthCheckRequest::default()).await.map(drop),
            SteadyMethod::PublicRead { post } => PostServiceClient::new(blog).get_post(read(post)).await.map(drop),
        }
    }
}

impl SteadyCalls {
    fn add(&self, call: SteadyCall) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// Returns true if each of these clients has succeeded with a call that began since then.
    pub(super) fn all_succeed_since(&self, since: Instant, callers: usize) -> bool {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let succeeds = |number| {
            let mut good = calls.iter().rev().filter(|call| call.begun >= since && call.failure.is_none());
            good.any(|call| call.caller == number)
        };
        (0..callers).all(succeeds)
    }

    /// Returns all calls that have ended, and forgets them.
    pub(super) fn take(&self) -> Vec<SteadyCall> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns the longest time from the start of a client's successful call to the start of its next one.
pub(super) fn worst_outage<'a>(calls: impl Iterator<Item = &'a SteadyCall>) -> Duration {
    let mut good: Vec<_> = calls.filter(|call| call.failure.is_none()).collect();
    good.sort_by_key(|call| (call.caller, call.begun));
    let pairs = good.windows(2).filter(|pair| pair[0].caller == pair[1].caller);
    pairs.map(|pair| pair[1].begun - pair[0].begun).max().unwrap_or_default()
}
