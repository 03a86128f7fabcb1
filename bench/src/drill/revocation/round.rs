//! One fault, and the revocations before, during and after it.

use std::time::Duration;

use gatepost::Token;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::transport::Channel;

use super::callers::{Stage, TOKENS_PER_CONNECTION, TokenCaller};
use super::fault::{CALM_MS, REVOKING_MS};
use super::{
    CheckResult, FaultTarget, GuardedOutcome, PROMISED_BOUND, RevocableSession, RevocationHistory, RevocationKind,
    RevocationPlan, admin, register,
};
use crate::Failure;
use crate::drill::Random;

/// Time for which calls continue after the promised limit and after the fault.
const EXTRA_CALL_TIME: Duration = Duration::from_millis(300);

/// Number of registrations at once, few enough that the service refuses no registration.
const CONCURRENT_REGISTRATIONS: usize = 4;

/// Time limit of a revocation's answer. A later answer does not count.
const REVOCATION_TIMEOUT: Duration = Duration::from_secs(1);

/// Time limit until a guard admits a good token again.
const ADMISSION_TIMEOUT: Duration = Duration::from_secs(20);

/// A token to revoke, and its callers' state.
struct Subject {
    number: usize,
    session: RevocableSession,
    how: RevocationKind,
    /// Time of the revocation after the round's start.
    after: Duration,
    stage: watch::Sender<Stage>,
}

/// Runs a round and returns its results. `first` is the number of its first session.
pub(super) async fn round<T: FaultTarget>(
    target: &mut T,
    fault: T::Fault,
    plan: &RevocationPlan<T::Fault>,
    first: usize,
    random: &mut Random,
) -> Result<CheckResult, Failure> {
    let auth = target.auth().await?;
    let admin = admin(&auth).await?;
    let subjects = subjects(&auth, first, plan, random).await?;
    let history = RevocationHistory::start();
    let callers = callers(target, &subjects, &history).await?;
    open(&callers).await?;

    let calm = Duration::from_secs(1) * u32::try_from(callers.len())? / plan.calls_per_second;
    let mut calling = JoinSet::new();
    for caller in callers {
        let subject = &subjects[caller.session - first];
        calling.spawn(caller.run(calm, subject.stage.subscribe()));
    }
    let began = Instant::now();
    let mut revoking = JoinSet::new();
    let stages: Vec<_> = subjects.iter().map(|subject| subject.stage.clone()).collect();
    for subject in subjects {
        revoking.spawn(revoke(subject, began, auth.clone(), admin.clone(), history.clone()));
    }
    target.suffer(fault, began, random).await?;
    let ended = Instant::now();
    revoking.join_all().await;
    // The last acknowledgement may have come just now.
    sleep_until((Instant::now() + PROMISED_BOUND).max(ended) + EXTRA_CALL_TIME).await;
    for stage in stages {
        stage.send_replace(Stage::Over);
    }
    calling.join_all().await;
    Ok(history.check(target.guards()))
}

/// Registers the number of users in the plan.
async fn subjects<F>(
    auth: &Channel,
    first: usize,
    plan: &RevocationPlan<F>,
    random: &mut Random,
) -> Result<Vec<Subject>, Failure> {
    let mut subjects = Vec::new();
    while subjects.len() < plan.sessions {
        let numbers = first + subjects.len()..first + plan.sessions.min(subjects.len() + CONCURRENT_REGISTRATIONS);
        let mut registering = JoinSet::new();
        for number in numbers {
            let auth = auth.clone();
            let email = format!("user-{}-{number}@example.com", plan.seed);
            registering.spawn(async move { (number, register(&auth, &email).await) });
        }
        let mut registered = registering.join_all().await;
        registered.sort_by_key(|(number, _)| *number);
        for (number, session) in registered {
            let (how, after) = (random.one_of(&RevocationKind::ALL), random.millis(CALM_MS, CALM_MS + REVOKING_MS));
            let stage = watch::Sender::new(Stage::Good);
            subjects.push(Subject { number, session: session?, how, after, stage });
        }
    }
    Ok(subjects)
}

/// Returns a caller for each token and guard.
async fn callers<T: FaultTarget>(
    target: &T,
    subjects: &[Subject],
    history: &RevocationHistory,
) -> Result<Vec<TokenCaller>, Failure> {
    let mut callers = Vec::new();
    for some in subjects.chunks(TOKENS_PER_CONNECTION) {
        let [first, ..] = some else { continue };
        for caller in target.callers(first.number, &first.session, history).await? {
            callers.extend(some.iter().map(|subject| caller.of(subject.number, &subject.session, history)));
        }
    }
    Ok(callers)
}

/// Waits until each guard has admitted each token.
async fn open(callers: &[TokenCaller]) -> Result<(), Failure> {
    let opening: JoinSet<_> = callers
        .iter()
        .cloned()
        .map(|caller| async move {
            while caller.call().await != GuardedOutcome::Admitted {
                sleep(Duration::from_millis(50)).await;
            }
        })
        .collect();
    let opened = timeout(ADMISSION_TIMEOUT, opening.join_all()).await;
    opened
        .map(drop)
        .map_err(|_| format!("a guard has not admitted a good token for {} s", ADMISSION_TIMEOUT.as_secs()).into())
}

/// Revokes a session, and notifies the callers of the acknowledgement.
async fn revoke(subject: Subject, began: Instant, auth: Channel, admin: Token, history: RevocationHistory) {
    sleep_until(began + subject.after).await;
    let answer = timeout(REVOCATION_TIMEOUT, subject.how.of(&subject.session, auth, &admin)).await;
    // Without an acknowledgement the revocation may have happened or not: there is no promise.
    if matches!(answer, Ok(Ok(()))) {
        history.acknowledged(subject.number);
        subject.stage.send_replace(Stage::Revoked);
    }
}
