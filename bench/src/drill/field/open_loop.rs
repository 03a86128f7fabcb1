//! Calls of the auth service at a fixed rate, without waiting for earlier calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gatepost::api::auth::v1::session_service_client::SessionServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{GetMeRequest, ListSessionsRequest, UpdateUserRequest, UserPatch};
use gatepost::{Token, WithToken};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::kids::register;
use crate::Failure;
use crate::drill::{Answer, OutageMeter, Report};
use crate::process::Process;

/// Deadline of each call.
pub(super) const CALL_DEADLINE: Duration = Duration::from_secs(1);

/// Number of users. They call in turns, because the updates of one user would wait for each other.
const OPEN_LOOP_USERS: usize = 16;

/// Number of connections that the users share: one connection has only a hundred streams.
const SHARED_CONNECTIONS: usize = 4;

/// A method that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    GetMe,
    UpdateUser,
    ListSessions,
}

/// A call that has ended.
#[derive(Clone, Debug)]
pub(super) struct OpenLoopCall {
    pub(super) kind: Kind,
    pub(super) begun: Instant,
    pub(super) ended: Instant,
    pub(super) answer: Answer,
}

/// Users who are logged in, and their calls.
pub(super) struct OpenLoopCallers {
    users: Vec<OpenLoopUser>,
    next: usize,
    calls: Arc<Mutex<Vec<OpenLoopCall>>>,
}

#[derive(Clone)]
struct OpenLoopUser {
    auth: Channel,
    token: Token,
}

impl OpenLoopCallers {
    /// Registers the users.
    pub(super) async fn register(auth: &Process) -> Result<Self, Failure> {
        let (mut users, mut channels) = (Vec::new(), Vec::new());
        for _ in 0..SHARED_CONNECTIONS {
            channels.push(auth.channel().await?);
        }
        for (number, auth) in (0..OPEN_LOOP_USERS).zip(channels.iter().cycle()) {
            let token = Token::parse(&register(auth, number).await?.access_token)?;
            users.push(OpenLoopUser { auth: auth.clone(), token });
        }
        Ok(Self { users, next: 0, calls: Arc::default() })
    }

    /// Calls these methods in turns, this many times a second for this long. Open calls continue.
    pub(super) async fn call(&mut self, kinds: &[Kind], rate: u32, length: Duration, open: &mut JoinSet<()>) {
        let mut ticks = interval(Duration::from_secs(1) / rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let end = Instant::now() + length;
        while ticks.tick().await < end {
            while open.try_join_next().is_some() {}
            let (kind, user) =
                (kinds[self.next % kinds.len()], self.users[self.next / kinds.len() % OPEN_LOOP_USERS].clone());
            let (calls, number) = (Arc::clone(&self.calls), self.next);
            self.next += 1;
            open.spawn(async move {
                let begun = Instant::now();
                let answer =
                    user.call(kind, number).await.map_or_else(|status| Answer::of(&status), |()| Answer::success());
                let call = OpenLoopCall { kind, begun, ended: Instant::now(), answer };
                calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
            });
        }
    }

    /// Lets each user call these methods for this long, one call after the other. Returns the number of successful
    /// calls.
    pub(super) async fn saturate(&self, kinds: &'static [Kind], length: Duration) -> Result<u32, Failure> {
        let (mut users, end) = (JoinSet::new(), Instant::now() + length);
        for (number, user) in self.users.iter().cloned().enumerate() {
            users.spawn(async move {
                let mut good = 0;
                for kind in kinds.iter().cycle().skip(number) {
                    if Instant::now() >= end {
                        break;
                    }
                    good += u32::from(user.call(*kind, number).await.is_ok());
                }
                good
            });
        }
        let mut all = 0;
        while let Some(good) = users.join_next().await {
            all += good?;
        }
        Ok(all)
    }

    /// Returns the calls that have ended, in the order of their start.
    pub(super) fn calls(&self) -> Vec<OpenLoopCall> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        calls.sort_by_key(|call| call.begun);
        calls
    }
}

impl OpenLoopUser {
    async fn call(&self, kind: Kind, number: usize) -> Result<(), Status> {
        let token = WithToken::new(&self.token);
        match kind {
            Kind::GetMe => {
                let mut users = UserServiceClient::with_interceptor(self.auth.clone(), token);
                users.get_me(timed(GetMeRequest {})).await.map(drop)
            }
            Kind::UpdateUser => {
                let patch = UserPatch { name: Some(format!("Ada {number}")), ..UserPatch::default() };
                let request = UpdateUserRequest { id: "me".into(), patch: Some(patch), ..UpdateUserRequest::default() };
                UserServiceClient::with_interceptor(self.auth.clone(), token)
                    .update_user(timed(request))
                    .await
                    .map(drop)
            }
            Kind::ListSessions => {
                let request = ListSessionsRequest { user_id: "me".into(), ..ListSessionsRequest::default() };
                let mut sessions = SessionServiceClient::with_interceptor(self.auth.clone(), token);
                sessions.list_sessions(timed(request)).await.map(drop)
            }
        }
    }
}

impl OpenLoopCall {
    pub(super) fn is_ok(&self) -> bool {
        self.answer.code == tonic::Code::Ok
    }
}

/// Returns the calls that began in this time.
pub(super) fn within(
    calls: &[OpenLoopCall],
    begin: Instant,
    end: Instant,
) -> impl Iterator<Item = &OpenLoopCall> + Clone {
    calls.iter().filter(move |call| call.begun >= begin && call.begun < end)
}

/// Returns the percentage of calls that succeeded; 100 for no calls.
#[expect(clippy::cast_precision_loss, reason = "the calls of a minute are few")]
pub(super) fn percent<'a>(calls: impl Iterator<Item = &'a OpenLoopCall> + Clone) -> f64 {
    let (all, good) = (calls.clone().count(), calls.filter(|call| call.is_ok()).count());
    if all == 0 { 100.0 } else { good as f64 * 100.0 / all as f64 }
}

/// Returns the longest time from the start of a successful call to the start of the next one of its kind, or to the end.
pub(super) fn outages(calls: &[OpenLoopCall], end: Instant) -> OutageMeter<Kind> {
    let mut meter = OutageMeter::default();
    let Some(origin) = calls.iter().map(|call| call.begun).min() else { return meter };
    for call in calls.iter().filter(|call| call.is_ok()) {
        meter.success(call.kind, call.begun - origin);
    }
    meter.end(end - origin);
    meter
}

/// Returns the successes among the calls of each second, as a readable list.
pub(super) fn by_second(calls: &[OpenLoopCall], begin: Instant) -> String {
    let end = calls.last().map_or(begin, |last| last.begun);
    let mut counts = Vec::new();
    let mut second = begin;
    while second < end {
        let good = within(calls, second, second + Duration::from_secs(1)).filter(|call| call.is_ok()).count();
        counts.push(good.to_string());
        second += Duration::from_secs(1);
    }
    counts.join(" ")
}

/// Adds the number of failures of each kind.
pub(super) fn failures(report: &mut Report, calls: &[OpenLoopCall]) {
    let mut counts = BTreeMap::new();
    for call in calls.iter().filter(|call| !call.is_ok()) {
        *counts.entry(format!("{:?}: {}", call.kind, call.answer)).or_insert(0) += 1;
    }
    report.lines.extend(counts.into_iter().map(|(failure, count)| format!("    {failure}: {count}")));
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_DEADLINE);
    request
}
