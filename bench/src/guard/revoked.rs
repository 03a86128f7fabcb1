//! Time until three guards under load refuse a token, counted from the acknowledgement of its revocation.

use std::time::Duration;

use bench::Failure;
use bench::drill::Random;
use bench::drill::revocation::{
    GuardedOutcome, RevocableSession, RevocationHistory, RevocationKind, RevocationRig, Stage, TokenCaller, admin,
    register,
};
use hdrhistogram::Histogram;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::rows::{Rows, quantiles};

/// Number of tokens that stay good and are used at each guard, and the number of these calls in a second.
const GOOD_TOKENS: usize = 8;
const GOOD_CALLS_PER_SECOND: u32 = 1_000;

/// Number of users that are registered before their tokens are revoked one by one, and number of registrations at once.
const USERS_PER_BATCH: usize = 100;
const CONCURRENT_REGISTRATIONS: usize = 4;

/// Time limit until a token is refused.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn run(rows: &mut Rows, rig: &RevocationRig, trials: usize) -> Result<(), Failure> {
    let mut others = Vec::new();
    for session in sessions(rig, "other", 0, GOOD_TOKENS).await? {
        others.extend(rig.callers(0, &session, &RevocationHistory::start()).await?);
    }
    let pause = Duration::from_secs(1) * u32::try_from(others.len())? / GOOD_CALLS_PER_SECOND;
    let (mut random, mut took, mut done) = (Random::new(1), Histogram::<u64>::new(3)?, 0);
    while done < trials {
        let batch = sessions(rig, "trial", done, USERS_PER_BATCH.min(trials - done)).await?;
        // The load starts after the registrations: hashing takes the cores from all other work.
        let (stage, history) = (watch::Sender::new(Stage::Good), RevocationHistory::start());
        let load: JoinSet<_> =
            others.iter().map(|caller| caller.over(&history).run(pause, stage.subscribe())).collect();
        done += batch.len();
        revoke(rig, &batch, &mut random, &mut took).await?;
        stage.send_replace(Stage::Over);
        load.join_all().await;
    }
    let name = format!("acknowledged to refused by {} guards, p50, p99, max", rig.guards.len());
    rows.row(&name, &quantiles(&took), "<= 10, 50, 250 ms");
    rows.line(format!("  {trials} revocations, {GOOD_CALLS_PER_SECOND} other calls a second"));
    Ok(())
}

/// Revokes these one by one, and records the time until all guards have refused each.
async fn revoke(
    rig: &RevocationRig,
    batch: &[RevocableSession],
    random: &mut Random,
    took: &mut Histogram<u64>,
) -> Result<(), Failure> {
    let (auth, first) = (rig.auth.channel().await?, batch.first().ok_or("no session")?);
    let admin = admin(&auth).await?;
    // All sessions share one connection to each guard.
    let callers = rig.callers(0, first, &RevocationHistory::start()).await?;
    for session in batch {
        let history = RevocationHistory::start();
        let callers: Vec<_> = callers.iter().map(|caller| caller.of(0, session, &history)).collect();
        for caller in &callers {
            if caller.call().await != GuardedOutcome::Admitted {
                return Err("a good token is not admitted".into());
            }
        }
        random.one_of(&RevocationKind::ALL).of(session, auth.clone(), &admin).await?;
        let acknowledged = history.now();
        let closing: JoinSet<_> = callers.into_iter().map(refused).collect();
        let closed =
            timeout(REFUSAL_TIMEOUT, closing.join_all()).await.map_err(|_| "a revoked token is admitted for 10 s")?;
        let last = closed.into_iter().max().ok_or("no guard")?;
        took.record(u64::try_from(last.saturating_sub(acknowledged).as_micros())?)?;
    }
    Ok(())
}

/// Uses the token until it is refused, and returns that time.
async fn refused(caller: TokenCaller) -> Duration {
    while caller.call().await != GuardedOutcome::Refused {}
    caller.history.now()
}

async fn sessions(
    rig: &RevocationRig,
    name: &str,
    first: usize,
    count: usize,
) -> Result<Vec<RevocableSession>, Failure> {
    let (auth, mut sessions) = (rig.auth.channel().await?, Vec::new());
    while sessions.len() < count {
        let next = first + sessions.len();
        let registering: JoinSet<_> = (next..next + CONCURRENT_REGISTRATIONS.min(count - sessions.len()))
            .map(|number| {
                let (auth, email) = (auth.clone(), format!("{name}-{number}@example.com"));
                async move { register(&auth, &email).await }
            })
            .collect();
        for session in registering.join_all().await {
            sessions.push(session?);
        }
    }
    Ok(sessions)
}
