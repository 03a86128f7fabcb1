//! A guarded call without a connection, so that Callgrind counts the same instructions each time.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use clap::ValueEnum;
use gatepost::{AuthService, GuardLayer, Policy, Rule, Token, WithToken};
use tokio::task::unconstrained;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower_layer::Layer as _;

use super::server::CHECK_PATH;
use super::{Counting, hit, once};
use crate::Failure;

/// Pattern of the function whose instructions are counted.
pub const COUNTED_FUNCTION: &str = "*counted_guard_work*";

/// Length of the token: that of an access token with a role and an audience.
const TOKEN_BYTES: usize = 560;

/// Kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GuardWork {
    /// The verification of a known token
    Hit,
    /// A health check behind a guard, with a known token
    Guarded,
    /// A health check behind a guard that asks for no token
    Public,
}

/// Does the work this many times.
///
/// # Errors
/// Fails if the guard has to ask, or a call fails.
pub async fn do_work(work: GuardWork, times: u32) -> Result<(), Failure> {
    let counting = Counting::start().await?;
    let auth = counting.follower().await?;
    let token = Token::parse(&"t".repeat(TOKEN_BYTES))?;
    once(&auth, &token).await?;
    match work {
        GuardWork::Hit => counted_guard_work(&mut || hit::time(&auth, &token, times).map(drop)),
        GuardWork::Guarded => checks(Rule::Authenticated, auth, &token, times),
        GuardWork::Public => checks(Rule::Public, auth, &token, times),
    }
}

/// Makes health checks behind a guard with this rule. Each answer must be there at once.
fn checks(rule: Rule, auth: AuthService, token: &Token, times: u32) -> Result<(), Failure> {
    let (_, health) = tonic_health::server::health_reporter();
    let guard = GuardLayer::new(Policy::closed().rule(CHECK_PATH, rule), auth)?.audience("gatepost");
    let mut client = HealthClient::with_interceptor(guard.layer(health), WithToken::new(token));
    let mut check = || {
        // The calls do not return to the runtime, so they have no budget of it.
        let call = unconstrained(client.check(HealthCheckRequest::default()));
        match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Ok::<_, Failure>(answer.map(drop)?),
            Poll::Pending => Err("the call waits".into()),
        }
    };
    // The first call fills what later calls use again.
    check()?;
    counted_guard_work(&mut || (0..times).try_for_each(|_| check()))
}

/// Does work in a function of its own, by whose name Callgrind finds it.
#[inline(never)]
fn counted_guard_work(work: &mut dyn FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
    work()
}
