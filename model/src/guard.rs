//! A guard: its revocation state, its stream, and the introspections that it has received.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Duration;

use auth_service::domain::{Cause, EntryFingerprint, LogId, Position as Place, Revocation};
use auth_service::feed::{FeedCursor, FeedEvent};
use auth_service::view::History;
use gatepost::revocation_state::{
    Evidence, Gap, LEASE, LogEntry, LogPosition, Renewals, RevocableClaims, RevocationCause, RevocationState,
    RevocationTarget, Validity,
};

use crate::Mutation;
use crate::replica::{MAX_TOKENS, session, user};

/// One guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelGuard {
    pub(crate) revocation_state: RevocationState,
    /// Rows that the revocation state received, beginning with its first position, and the time of its reset. The model
    /// stores both, because the revocation state does not expose them.
    pub(crate) received: Vec<Place>,
    pub(crate) began: Option<Duration>,
    pub(crate) stream: Option<ModelStream>,
    /// An introspection with its token. One introspection is enough: introspections are checked independently, so a
    /// property of an arbitrary one holds for all.
    pub(crate) kept: Option<KeptEvidence>,
    /// A late answer, for mutations that depend on it.
    pub(crate) flight: Option<Flight>,
    /// A call that reads the revocation state's fields one by one, for a mutation.
    pub(crate) reader: Option<ModelReader>,
}

/// An introspection of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptEvidence {
    pub(crate) token: usize,
    pub(crate) evidence: Evidence,
}

/// A call that is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AdmittedCall {
    pub(crate) token: usize,
    pub(crate) began: Duration,
}

/// A message of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentEvent {
    pub(crate) event: FeedEvent,
    /// Time of the request, if the message is a renewal.
    pub(crate) asked: Duration,
}

/// A request under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flight {
    pub(crate) token: usize,
    pub(crate) replica: usize,
    pub(crate) asked: Duration,
    /// The position of the answer. `None` after the replica has checked the token and before it reads its position.
    pub(crate) answered: Option<Place>,
}

/// A call that is being checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelReader {
    pub(crate) began: Duration,
    /// The revocation state at the start of the call.
    pub(crate) before: RevocationState,
}

/// A stream to one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelStream {
    pub(crate) replica: usize,
    /// The replica's end of the stream.
    pub(crate) cursor: FeedCursor,
    /// Time of opening.
    pub(crate) opened: Duration,
    /// Number of the history that the cursor follows.
    pub(crate) history_number: u64,
    /// Messages that the guard has not received.
    pub(crate) down: VecDeque<SentEvent>,
    pub(crate) renewals: Renewals,
    /// A renewal under way, for a mutation that reads the time of the last poll at the end.
    pub(crate) read: Option<SentEvent>,
    /// Set if the replica owes a reset, for a mutation that delays it.
    pub(crate) owes_reset: bool,
    /// Position that is ahead of the replica's view, for a mutation that does not compare fingerprints. The stream
    /// continues from there once the view has reached it.
    pub(crate) awaited: Option<Place>,
}

impl ModelStream {
    pub(crate) fn new(replica: usize, cursor: FeedCursor, history: &History, now: Duration) -> Self {
        Self {
            replica,
            cursor,
            opened: now,
            history_number: history.number(),
            down: VecDeque::new(),
            renewals: Renewals::default(),
            read: None,
            owes_reset: false,
            awaited: None,
        }
    }

    /// Sends all messages but renewals.
    pub(crate) fn send_news(&mut self, history: &History, now: Duration) {
        while self.awaited.is_none()
            && let Some(event) = self.cursor.next(history, now)
        {
            self.history_number = history.number();
            self.down.push_back(SentEvent { event, asked: now });
        }
    }

    /// Returns the replica's answer to a request that was sent at this time.
    pub(crate) fn renewal(&mut self, history: &History, sent: Duration, now: Duration) -> Option<SentEvent> {
        let mut cursor = self.cursor.clone();
        let mut renewals = self.renewals.clone();
        cursor.ask(renewals.ask(sent));
        let event = cursor.next(history, now).filter(|event| matches!(event, FeedEvent::Renewal(..)))?;
        self.renewals = renewals;
        Some(SentEvent { event, asked: sent })
    }
}

impl ModelGuard {
    pub(crate) fn new(rows: usize) -> Self {
        Self {
            revocation_state: RevocationState::new(rows),
            received: Vec::new(),
            began: None,
            stream: None,
            kept: None,
            flight: None,
            reader: None,
        }
    }

    /// Returns the guard's position in the log.
    pub(crate) fn known(&self) -> Option<Place> {
        self.revocation_state.position().map(place)
    }

    /// Stores an introspection.
    pub(crate) fn keep(&mut self, token: usize, at: Place, asked: Duration, ttl: Duration) {
        self.kept = Some(KeptEvidence { token, evidence: Evidence { position: position(at), asked, ttl } });
    }

    /// Receives the replica's next message. An inconsistent message ends the stream.
    pub(crate) fn receive(&mut self, now: Duration, mutation: Option<Mutation>) {
        let Some(stream) = &mut self.stream else { return };
        let overtaking = (mutation == Some(Mutation::AnswerOvertakes))
            .then(|| stream.down.iter().position(|sent| matches!(sent.event, FeedEvent::Renewal(..))))
            .flatten();
        let Some(sent) = stream.down.remove(overtaking.unwrap_or(0)) else { return };
        if self.take(sent.event, now, mutation).is_err() {
            self.stream = None;
            self.received.clear();
            self.began = Some(now);
        }
    }

    fn take(&mut self, event: FeedEvent, now: Duration, mutation: Option<Mutation>) -> Result<(), Gap> {
        match event {
            FeedEvent::Reset(to) => {
                let lease = self.revocation_state.lease();
                self.revocation_state.reset(position(to), now);
                self.received = vec![to];
                self.began = Some(now);
                match lease.filter(|_| mutation == Some(Mutation::LeaseOutlivesReset)) {
                    Some(lease) => self.revocation_state.renew(position(to), lease, now),
                    None => Ok(()),
                }
            }
            FeedEvent::Revocation(entry) => {
                let row = LogEntry { revision: entry.logged.revision, fingerprint: entry.logged.fingerprint.0 };
                self.revocation_state.revoke(row, target(&entry.revocation), now)?;
                self.received.extend(self.known());
                // The revocation state starts over once it has this many rows.
                if self.received.len() > self.revocation_state.entries() + 1 {
                    self.received.drain(..self.received.len() - 1);
                    self.began = Some(now);
                }
                Ok(())
            }
            FeedEvent::Renewal(nonce, at) => {
                let Some(stream) = &mut self.stream else { return Ok(()) };
                // The next request is sent just before the answer to this request arrives.
                let latest = stream.renewals.clone().ask(now);
                let Some(sent) = stream.renewals.answered(nonce) else { return Ok(()) };
                let is_latest = mutation == Some(Mutation::LatestNonce) && latest > nonce;
                let sent = if is_latest || mutation == Some(Mutation::LeaseFromReceipt) { now } else { sent };
                let own =
                    self.revocation_state.position().filter(|_| mutation.is_some_and(Mutation::takes_any_renewal));
                self.revocation_state.renew(own.unwrap_or_else(|| position(at)), sent, now)
            }
        }
    }

    /// Forgets an introspection that can never be valid again.
    pub(crate) fn forget_expired(&mut self, now: Duration) {
        let Self { revocation_state, received, began, kept, .. } = self;
        let last = received.last().map_or(i64::MIN, |last| last.last.revision);
        kept.take_if(|KeptEvidence { token, evidence }| {
            let counts = began.is_none_or(|began| evidence.asked > began);
            let is_dead = matches!(revocation_state.validity(evidence, bearer(*token), now), Validity::Revoked(_));
            // The introspection may still be valid by its own request, or by a renewal of its row.
            let may_live = now.saturating_sub(evidence.asked) <= LEASE
                || evidence.position.last.revision > last
                || received.iter().any(|received| position(*received) == evidence.position);
            !counts || is_dead || !may_live
        });
    }

    /// Starts a call that reads the revocation state's fields one by one.
    pub(crate) fn begin_to_read(&mut self, now: Duration) {
        self.reader = Some(ModelReader { began: now, before: self.revocation_state.clone() });
    }

    /// Returns the evidence that admits a call that begins now.
    pub(crate) fn admits(&self, now: Duration, mutation: Option<Mutation>) -> Option<KeptEvidence> {
        let kept = self.kept?;
        let KeptEvidence { token, evidence } = &kept;
        let is_good = self.revocation_state.validity(evidence, bearer(*token), now) == Validity::Valid;
        let is_admitted = is_good || mutation.is_some_and(|mutation| self.admits_by(mutation, *token, evidence, now));
        is_admitted.then_some(kept)
    }

    /// Returns `true` if this mutation lets the lease extend an introspection that must not be renewed.
    fn admits_by(&self, mutation: Mutation, token: usize, evidence: &Evidence, now: Duration) -> bool {
        let Self { revocation_state, began, .. } = self;
        let (Some(own), Some(lease)) = (revocation_state.position(), revocation_state.lease()) else { return false };
        let LogEntry { revision, fingerprint } = evidence.position.last;
        let floor = own.last.revision - i64::try_from(revocation_state.entries()).unwrap_or_default();
        let is_older_than_feed = began.is_some_and(|began| evidence.asked <= began);
        let is_taken = match mutation {
            Mutation::BelowFloor => revision < floor,
            Mutation::AheadOfFeed => revision > own.last.revision,
            Mutation::OtherFingerprint => revision == own.last.revision && fingerprint != own.last.fingerprint,
            Mutation::FlightBeforeReset => is_older_than_feed,
            Mutation::LeaseOutlivesReset => is_older_than_feed && began.is_some_and(|began| lease <= began),
            _ => false,
        };
        // The mutation treats the introspection as one at the feed's last row, requested after the feed began.
        let as_own = Evidence { position: own, asked: now + LEASE, ..*evidence };
        is_taken
            && now.saturating_sub(lease) <= LEASE
            && revocation_state.validity(&as_own, bearer(token), now) == Validity::Valid
    }

    /// Returns the reading call, if it is admitted. The call took its evidence from the earlier revocation state, and
    /// checks revocations in the current one.
    pub(crate) fn admits_reader(&self, now: Duration) -> Option<AdmittedCall> {
        let (ModelReader { began, before }, KeptEvidence { token, evidence }) =
            (self.reader.as_ref()?, self.kept.as_ref()?);
        let is_vouched_for = before.validity(evidence, RevocableClaims::default(), now) == Validity::Valid;
        let recent = Evidence { asked: now + LEASE, ..*evidence };
        let is_good = self.revocation_state.validity(&recent, bearer(*token), now) == Validity::Valid;
        (is_vouched_for && is_good).then_some(AdmittedCall { token: *token, began: *began })
    }
}

/// Returns the token of this number, as a guard reads it.
fn bearer(token: usize) -> RevocableClaims<'static> {
    static IDS: LazyLock<[(String, String); MAX_TOKENS]> =
        LazyLock::new(|| std::array::from_fn(|token| (user(token).to_string(), session(token).to_string())));
    let (subject, session) = &IDS[token];
    RevocableClaims { subject, session, generation: 1, key: "kid" }
}

pub(crate) fn position(Place { log, last }: Place) -> LogPosition {
    LogPosition { log: log.0, last: LogEntry { revision: last.revision, fingerprint: last.fingerprint.0 } }
}

fn place(LogPosition { log, last }: LogPosition) -> Place {
    use auth_service::domain::Logged;
    Place { log: LogId(log), last: Logged { revision: last.revision, fingerprint: EntryFingerprint(last.fingerprint) } }
}

fn target(revocation: &Revocation) -> Option<RevocationTarget> {
    match revocation {
        Revocation::Start | Revocation::NewSigningKeys => None,
        Revocation::Session(id) => Some(RevocationTarget::Session(id.to_string().into())),
        Revocation::ApiKey(version) => Some(RevocationTarget::SigningKey(version.to_string().into())),
        Revocation::SigningKey(id) => Some(RevocationTarget::SigningKey(id.as_str().into())),
        Revocation::User { id, generation, cause } => {
            let cause = match cause {
                Cause::Ended => RevocationCause::Revoked,
                Cause::Disabled => RevocationCause::Disabled,
                Cause::Deleted => RevocationCause::Deleted,
            };
            Some(RevocationTarget::User { id: id.to_string().into(), generation: *generation, cause })
        }
    }
}
