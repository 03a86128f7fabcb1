//! Kids: attackers send tokens with invented key ids (`kid`), while good callers use tokens that the guard has never
//! seen.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blog_service::api::v1::ListPostsRequest;
use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, RefreshTokenRequest, TokenPair};
use gatepost::{Token, WithToken};
use rustix::process::setpriority_process;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::Failure;
use crate::drill::{Broken, DRILL_PASSWORD, Report};
use crate::services::{Services, channel};

/// Connections of the attackers, and streams of each.
const ATTACK_CONNECTIONS: usize = 12;
const STREAMS_PER_CONNECTION: usize = 100;

/// The nice value of the attackers' threads: in the field they run on other machines.
const ATTACKER_NICENESS: i32 = 10;

/// Number of good callers, each with its own connection and session, and the time from one call to the next.
const GOOD_CALLERS: usize = 8;
const CALL_INTERVAL: Duration = Duration::from_millis(100);

/// The longest time that a good caller waits for an answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest share of good calls that may fail, in percent, and the largest factor of their p99.
const MAX_FAILED_PERCENT: usize = 1;
const MAX_P99_FACTOR: u32 = 3;

/// A p99 below this time is noise of the machine.
const MACHINE_NOISE: Duration = Duration::from_millis(5);

/// The default settings, except for limits by address, because all callers have the same address. The service signs
/// with key pairs: with a secret, unknown key ids would cause no work.
const ADDRESS_LIMIT_SETTINGS: [(&str, &str); 2] = [("AUTH_SIGN_UPS", "0"), ("AUTH_ADDRESS_FAILURES", "0")];

/// Calls of the good callers, by their outcome.
#[derive(Default)]
struct KidCalls {
    took: Vec<Duration>,
    failures: Vec<String>,
}

/// A good caller: unseen tokens, and a connection to the guarded service.
struct KidCaller {
    blog: Channel,
    tokens: Vec<String>,
}

/// Runs the scenario against its own pair: good callers without the attack, and then under the attack for the same
/// time.
///
/// # Errors
/// Fails if the pair does not start, or ends.
pub(super) async fn run(program: &Path, length: Duration) -> Result<Report, Failure> {
    let folder = tempfile::tempdir()?;
    let services = Services::pair(program, folder.path(), |command| command.envs(ADDRESS_LIMIT_SETTINGS)).await?;
    let calls = usize::try_from(length.as_millis() / CALL_INTERVAL.as_millis())?.max(1);
    let mut callers = Vec::new();
    for number in 0..GOOD_CALLERS {
        callers.push(KidCaller { blog: channel(services.blog_address()).await?, tokens: Vec::new() });
        let pair = register(&services.auth, number).await?;
        callers[number].tokens = tokens(&services.auth, pair, 2 * calls).await?;
    }
    let model = callers[0].tokens.pop().ok_or("no token")?;
    let quiet = serve(&mut callers, calls).await?;
    let (attackers, sent) = attack(services.blog_address(), &model)?;
    let attacked = serve(&mut callers, calls).await?;
    attackers.shutdown_background();
    let mut report = Report::default();
    report.row("tokens of made-up keys that were refused", sent.load(Relaxed));
    check(&mut report, &quiet, &attacked);
    services.kill()?;
    Ok(report)
}

/// Adds the figures of the good callers, and missed targets.
fn check(report: &mut Report, quiet: &KidCalls, attacked: &KidCalls) {
    for (what, served) in [("without", quiet), ("under", attacked)] {
        let all = served.took.len();
        report.row(
            &format!("good cold calls {what} attack"),
            format!("{all}, of which {} failed", served.failures.len()),
        );
        report.times(&format!("their times {what} attack"), served.took.clone());
        report.lines.extend(served.failures.first().map(|failure| format!("    {failure}")));
    }
    let failed = attacked.failures.len();
    if failed * 100 > attacked.took.len() * MAX_FAILED_PERCENT {
        report.broken.push(Broken::new("at most 1 % of the good cold calls fail", format!("{failed}")));
    }
    let [before, under] = [quiet, attacked].map(|served| p99(&served.took));
    if under > (before * MAX_P99_FACTOR).max(MACHINE_NOISE) {
        let seen = format!("{under:?} and not {before:?}");
        report.broken.push(Broken::new("the p99 of the good cold calls is at most 3 times as long", seen));
    }
}

fn p99(took: &[Duration]) -> Duration {
    let mut took = took.to_vec();
    took.sort();
    took.get(took.len() * 99 / 100).or(took.last()).copied().unwrap_or_default()
}

pub(super) async fn register(auth: &Channel, number: usize) -> Result<TokenPair, Failure> {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: format!("ada-{number}@example.com"),
        password: DRILL_PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let created = UserServiceClient::new(auth.clone()).create_user(request).await?.into_inner();
    created.tokens.ok_or_else(|| "no tokens".into())
}

/// Returns this many good access tokens of one session.
pub(super) async fn tokens(auth: &Channel, mut pair: TokenPair, count: usize) -> Result<Vec<String>, Failure> {
    let mut client = AuthServiceClient::new(auth.clone());
    let mut tokens = vec![pair.access_token];
    while tokens.len() <= count {
        let request = RefreshTokenRequest { refresh_token: pair.refresh_token, ..RefreshTokenRequest::default() };
        pair = client.refresh_token(request).await?.into_inner().tokens.ok_or("no tokens")?;
        tokens.push(pair.access_token);
    }
    Ok(tokens)
}

/// Makes this many calls of each caller, one per interval, each with the next token.
async fn serve(callers: &mut [KidCaller], calls: usize) -> Result<KidCalls, Failure> {
    let mut served = JoinSet::new();
    for caller in callers {
        let (blog, tokens) = (caller.blog.clone(), caller.tokens.split_off(caller.tokens.len().saturating_sub(calls)));
        served.spawn(call_all(blog, tokens));
    }
    let mut all = KidCalls::default();
    while let Some(one) = served.join_next().await {
        let KidCalls { took, failures } = one?;
        all.took.extend(took);
        all.failures.extend(failures);
    }
    Ok(all)
}

async fn call_all(blog: Channel, tokens: Vec<String>) -> KidCalls {
    let mut served = KidCalls::default();
    let mut ticks = interval(CALL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for token in tokens {
        ticks.tick().await;
        let asked = Instant::now();
        match timeout(CALL_TIMEOUT, list_posts(&blog, &token)).await {
            Ok(Ok(())) => {}
            Ok(Err(status)) => served.failures.push(format!("{:?}: {}", status.code(), status.message())),
            Err(_) => served.failures.push("no answer within 5 s".into()),
        }
        served.took.push(asked.elapsed());
    }
    served
}

async fn list_posts(blog: &Channel, token: &str) -> Result<(), Status> {
    let token = Token::parse(token).map_err(|fault| Status::internal(fault.to_string()))?;
    let mut client = PostServiceClient::with_interceptor(blog.clone(), WithToken::new(&token));
    client.list_posts(ListPostsRequest::default()).await.map(drop)
}

/// Calls on all streams of all connections as fast as the answers come, with tokens like this one under made-up key
/// ids.
fn attack(at: &str, model: &str) -> Result<(Runtime, Arc<AtomicU64>), Failure> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        // On Linux a thread has a priority of its own. An attacker with the usual priority only attacks harder.
        .on_thread_start(|| {
            let _ = setpriority_process(None, ATTACKER_NICENESS);
        })
        .build()?;
    let rest = model.split_once('.').ok_or("no token")?.1.to_owned();
    let (next, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    for _ in 0..ATTACK_CONNECTIONS {
        let (at, rest, next, refused) = (at.to_owned(), rest.clone(), Arc::clone(&next), Arc::clone(&refused));
        runtime.spawn(async move {
            let Ok(blog) = channel(&at).await else { return };
            for _ in 0..STREAMS_PER_CONNECTION {
                let (blog, rest, next, refused) = (blog.clone(), rest.clone(), Arc::clone(&next), Arc::clone(&refused));
                tokio::spawn(async move {
                    loop {
                        let token = format!("{}.{rest}", header(next.fetch_add(1, Relaxed)));
                        let answer = list_posts(&blog, &token).await;
                        let is_refused = answer.is_err_and(|status| status.code() == Code::Unauthenticated);
                        refused.fetch_add(u64::from(is_refused), Relaxed);
                    }
                });
            }
        });
    }
    Ok((runtime, refused))
}

/// Returns the header of a token with an unknown key.
fn header(number: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"made-up-{number}"}}"#))
}
