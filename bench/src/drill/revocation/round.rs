//! One fault, and the revocations before, during and after it. One more token is never revoked, so that its calls show the
//! worst outage of a client.

use std::time::Duration;

use gatepost::Token;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::transport::Channel;

use super::callers::{Stage, TOKENS_PER_CONNECTION, TokenCaller};
use super::fault::{CALM_MS, REVOKING_MS};
use super::{
    CheckPlace, FaultTarget, GuardedOutcome, ObservedRevocation, PROMISED_BOUND, RevocableSession, RevocationHistory,
    RevocationKind, RevocationPlan, admin, register,
};
use crate::Failure;
use crate::drill::{OutageMeter, Random};

/// Time for which calls continue after the promised limit and after the fault.
const EXTRA_CALL_TIME: Duration = Duration::from_millis(300);

/// Number of registrations at once, few enough that the service refuses no registration.
const CONCURRENT_REGISTRATIONS: usize = 4;

/// Time limit of a revocation's answer. A later answer does not count.
const REVOCATION_TIMEOUT: Duration = Duration::from_secs(1);

/// The pause between two calls of the token that is never revoked.
const GOOD_CALL_PAUSE: Duration = Duration::from_millis(20);

/// Time limit until a guard admits a good token again.
const ADMISSION_TIMEOUT: Duration = Duration::from_secs(20);

/// A token, and its callers' state.
struct Subject {
    number: usize,
    session: RevocableSession,
    /// Plan of its revocation; `None` for the token that is never revoked.
    plan: Option<PlannedRevocation>,
    stage: watch::Sender<Stage>,
}

/// Plan of a revocation.
#[derive(Clone, Copy)]
struct PlannedRevocation {
    how: RevocationKind,
    /// Time of the revocation after the round's start.
    after: Duration,
}

/// Observations of a round.
pub(super) struct RevocationRound {
    /// All calls and revocations.
    pub(super) history: RevocationHistory,
    /// The longest time without an admitted call of the token that is never revoked, by guard.
    pub(super) outages: OutageMeter<CheckPlace>,
}

/// Returns the number of sessions in a round: those to revoke, and the one that is never revoked.
pub(super) fn sessions<F>(plan: &RevocationPlan<F>) -> usize {
    plan.sessions + 1
}

/// Runs a round. `first` is the number of its first session. The times of its history count from `origin`.
pub(super) async fn round<T: FaultTarget>(
    target: &mut T,
    fault: T::Fault,
    plan: &RevocationPlan<T::Fault>,
    first: usize,
    origin: Instant,
    random: &mut Random,
) -> Result<RevocationRound, Failure> {
    let auth = target.auth().await?;
    let admin = admin(&auth).await?;
    let subjects = subjects(&auth, first, plan, random).await?;
    let history = RevocationHistory::since(origin);
    let callers = callers(target, &subjects, &history).await?;
    open(&callers).await?;

    let calm = Duration::from_secs(1) * u32::try_from(callers.len())? / plan.calls_per_second;
    let mut calling = JoinSet::new();
    for caller in callers {
        let subject = &subjects[caller.session - first];
        let pause = if subject.plan.is_some() { calm } else { GOOD_CALL_PAUSE };
        calling.spawn(caller.run(pause, subject.stage.subscribe()));
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
    let over = Instant::now();
    calling.join_all().await;
    let outages = outages(&history, first + plan.sessions, [began, over].map(|time| time - origin));
    Ok(RevocationRound { history, outages })
}

/// Returns the outages of this session at each guard, from the start to the end of a round.
fn outages(history: &RevocationHistory, session: usize, [began, over]: [Duration; 2]) -> OutageMeter<CheckPlace> {
    let mut outages = OutageMeter::default();
    let entries = history.entries();
    let calls = entries.calls.iter().filter(|call| call.session == session && call.ended > began && call.ended < over);
    for call in calls.clone().filter(|call| matches!(call.place, CheckPlace::Guard(_))) {
        outages.begin(call.place, began);
        if call.outcome == GuardedOutcome::Admitted {
            outages.success(call.place, call.ended);
        }
    }
    outages.end(over);
    outages
}

/// Registers the number of users in the plan, and one more.
async fn subjects<F>(
    auth: &Channel,
    first: usize,
    plan: &RevocationPlan<F>,
    random: &mut Random,
) -> Result<Vec<Subject>, Failure> {
    let mut subjects = Vec::new();
    while subjects.len() < sessions(plan) {
        let numbers = first + subjects.len()..first + sessions(plan).min(subjects.len() + CONCURRENT_REGISTRATIONS);
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
            let plan = (number < first + plan.sessions).then_some(PlannedRevocation { how, after });
            subjects.push(Subject { number, session: session?, plan, stage: watch::Sender::new(Stage::Good) });
        }
    }
    Ok(subjects)
}

/// Returns a caller for each token and place.
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

/// Revokes a session if that is planned, and notifies the callers of the acknowledgement.
async fn revoke(subject: Subject, began: Instant, auth: Channel, admin: Token, history: RevocationHistory) {
    let Some(PlannedRevocation { how, after }) = subject.plan else { return };
    sleep_until(began + after).await;
    let asked = history.now();
    let answer = timeout(REVOCATION_TIMEOUT, how.of(&subject.session, auth, &admin)).await;
    // Without an acknowledgement the revocation may have happened or not: there is no promise.
    let acknowledged = matches!(answer, Ok(Ok(()))).then(|| history.now());
    history.record_revocation(ObservedRevocation { session: subject.number, replica: 0, begun: asked, acknowledged });
    if acknowledged.is_some() {
        subject.stage.send_replace(Stage::Revoked);
    }
}
