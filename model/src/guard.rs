//! A guard: its ledger, its stream, and the verdicts that it has been given.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Duration;

use auth_service::domain::{Cause, LogId, Mark, Position as Place, Revocation};
use auth_service::feed::{Outlet, Said};
use auth_service::view::History;
use gatepost::ledger::{self, Basis, Bearer, Gap, LEASE, Ledger, Logged, Position, Renewals, Standing, Target};

use crate::Mutation;
use crate::replica::{TOKENS, session, user};

/// One guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    pub(crate) ledger: Ledger,
    /// What the ledger has been told of, its floor first, and when it began: what the ledger itself does not show.
    pub(crate) told: Vec<Place>,
    pub(crate) began: Option<Duration>,
    pub(crate) stream: Option<Stream>,
    /// A verdict, and the token that it is about. There are others, of which each is judged by itself: what holds for any
    /// one holds for all.
    pub(crate) kept: Option<(usize, Basis)>,
    /// An answer that is late, where a mutation makes a difference of it.
    pub(crate) flight: Option<Flight>,
    /// A call that reads the ledger's fields one by one, where a mutation makes it do so.
    pub(crate) reader: Option<Reader>,
}

/// A question under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flight {
    pub(crate) token: usize,
    pub(crate) replica: usize,
    pub(crate) asked: Duration,
    /// The answer, once it has been given. Before that the replica has judged, and not yet read its position.
    pub(crate) answered: Option<Place>,
}

/// A call that is being judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    pub(crate) began: Duration,
    /// The ledger as it was then.
    pub(crate) before: Ledger,
}

/// A stream to one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) replica: usize,
    /// The replica's end.
    pub(crate) outlet: Outlet,
    /// When that was opened, and of which history it tells.
    pub(crate) opened: Duration,
    pub(crate) of: u64,
    /// What the replica has said and the guard has not heard; of a renewal also when it was asked for.
    pub(crate) down: VecDeque<(Said, Duration)>,
    pub(crate) renewals: Renewals,
    /// A renewal that the replica is about to give, where a mutation makes it read the time of the look last.
    pub(crate) read: Option<(Said, Duration)>,
    /// The replica owes a reset, where a mutation lets it come late.
    pub(crate) owes_reset: bool,
    /// The replica goes on from this position once it has come there, where a mutation makes it forget the mark.
    pub(crate) awaited: Option<Place>,
}

impl Stream {
    pub(crate) fn new(replica: usize, outlet: Outlet, history: &History, now: Duration) -> Self {
        Self {
            replica,
            outlet,
            opened: now,
            of: history.number(),
            down: VecDeque::new(),
            renewals: Renewals::default(),
            read: None,
            owes_reset: false,
            awaited: None,
        }
    }

    /// The replica says all but renewals.
    pub(crate) fn say_news(&mut self, history: &History, now: Duration) {
        while self.awaited.is_none()
            && let Some(said) = self.outlet.next(history, now)
        {
            self.of = history.number();
            self.down.push_back((said, now));
        }
    }

    /// The replica's answer to a question that was sent at that time.
    pub(crate) fn renewal(&mut self, history: &History, sent: Duration, now: Duration) -> Option<(Said, Duration)> {
        let mut outlet = self.outlet.clone();
        let mut renewals = self.renewals.clone();
        outlet.ask(renewals.ask(sent));
        let said = outlet.next(history, now).filter(|said| matches!(said, Said::Renewal(..)))?;
        self.renewals = renewals;
        Some((said, sent))
    }
}

impl Guard {
    pub(crate) fn new(rows: usize) -> Self {
        Self {
            ledger: Ledger::new(rows),
            told: Vec::new(),
            began: None,
            stream: None,
            kept: None,
            flight: None,
            reader: None,
        }
    }

    /// How far it knows the log.
    pub(crate) fn known(&self) -> Option<Place> {
        self.ledger.position().map(place)
    }

    /// It is given a verdict.
    pub(crate) fn keep(&mut self, token: usize, at: Place, asked: Duration, ttl: Duration) {
        self.kept = Some((token, Basis { position: position(at), asked, ttl }));
    }

    /// Hears what the replica has said next; what makes no sense ends the stream.
    pub(crate) fn hear(&mut self, now: Duration, mutation: Option<Mutation>) {
        let Some(stream) = &mut self.stream else { return };
        let overtaking = (mutation == Some(Mutation::AnswerOvertakes))
            .then(|| stream.down.iter().position(|(said, _)| matches!(said, Said::Renewal(..))))
            .flatten();
        let Some((said, _)) = stream.down.remove(overtaking.unwrap_or(0)) else { return };
        if self.take(said, now, mutation).is_err() {
            self.stream = None;
            self.told.clear();
            self.began = Some(now);
        }
    }

    fn take(&mut self, said: Said, now: Duration, mutation: Option<Mutation>) -> Result<(), Gap> {
        match said {
            Said::Reset(to) => {
                let lease = self.ledger.lease();
                self.ledger.reset(position(to), now);
                self.told = vec![to];
                self.began = Some(now);
                match lease.filter(|_| mutation == Some(Mutation::LeaseOutlivesReset)) {
                    Some(lease) => self.ledger.renew(position(to), lease, now),
                    None => Ok(()),
                }
            }
            Said::Revocation(entry) => {
                let row = Logged { revision: entry.logged.revision, mark: entry.logged.mark.0 };
                self.ledger.revoke(row, target(&entry.revocation), now)?;
                self.told.extend(self.known());
                // So many rows that the ledger begins anew.
                if self.told.len() > self.ledger.rows() + 1 {
                    self.told.drain(..self.told.len() - 1);
                    self.began = Some(now);
                }
                Ok(())
            }
            Said::Renewal(nonce, at) => {
                let Some(stream) = &mut self.stream else { return Ok(()) };
                // The next question goes out a moment before this one's answer comes.
                let latest = stream.renewals.clone().ask(now);
                let Some(sent) = stream.renewals.answered(nonce) else { return Ok(()) };
                let is_latest = mutation == Some(Mutation::LatestNonce) && latest > nonce;
                let sent = if is_latest || mutation == Some(Mutation::LeaseFromReceipt) { now } else { sent };
                let own = self.ledger.position().filter(|_| mutation.is_some_and(Mutation::takes_any_renewal));
                self.ledger.renew(own.unwrap_or_else(|| position(at)), sent, now)
            }
        }
    }

    /// Forgets a verdict that cannot be good any more, whatever happens.
    pub(crate) fn forget_what_is_over(&mut self, now: Duration) {
        let Self { ledger, told, began, kept, .. } = self;
        let last = told.last().map_or(i64::MIN, |last| last.last.revision);
        kept.take_if(|(token, basis)| {
            let counts = began.is_none_or(|began| basis.asked > began);
            let is_dead = matches!(ledger.judge(basis, bearer(*token), now), Standing::Dead(_));
            // By itself, or by a renewal of the row that it stands on, which the feed has brought or may bring.
            let may_live = now.saturating_sub(basis.asked) <= LEASE
                || basis.position.last.revision > last
                || told.iter().any(|told| position(*told) == basis.position);
            !counts || is_dead || !may_live
        });
    }

    /// Begins a call that reads the ledger's fields one by one.
    pub(crate) fn begin_to_read(&mut self, now: Duration) {
        self.reader = Some(Reader { began: now, before: self.ledger.clone() });
    }

    /// With which token a call that begins now is let in, and when the verdict that lets it in was asked for.
    pub(crate) fn lets_in(&self, now: Duration, mutation: Option<Mutation>) -> Option<(usize, Duration)> {
        let (token, basis) = self.kept.as_ref()?;
        let is_good = self.ledger.judge(basis, bearer(*token), now) == Standing::Good;
        let let_in = is_good || mutation.is_some_and(|mutation| self.lets_in_by(mutation, *token, basis, now));
        let_in.then_some((*token, basis.asked))
    }

    /// Whether a verdict that should not be renewed is good by the lease.
    fn lets_in_by(&self, mutation: Mutation, token: usize, basis: &Basis, now: Duration) -> bool {
        let Self { ledger, began, .. } = self;
        let (Some(own), Some(lease)) = (ledger.position(), ledger.lease()) else { return false };
        let Logged { revision, mark } = basis.position.last;
        let floor = own.last.revision - i64::try_from(ledger.rows()).unwrap_or_default();
        let is_older_than_feed = began.is_some_and(|began| basis.asked <= began);
        let is_taken = match mutation {
            Mutation::BelowFloor => revision < floor,
            Mutation::AheadOfFeed => revision > own.last.revision,
            Mutation::OtherMark => revision == own.last.revision && mark != own.last.mark,
            Mutation::FlightBeforeReset => is_older_than_feed,
            Mutation::LeaseOutlivesReset => is_older_than_feed && began.is_some_and(|began| lease <= began),
            _ => false,
        };
        // As a verdict of the feed's last row that was asked for since it began.
        let as_own = Basis { position: own, asked: now + LEASE, ..*basis };
        is_taken && now.saturating_sub(lease) <= LEASE && ledger.judge(&as_own, bearer(token), now) == Standing::Good
    }

    /// With which token a call is let in that took its evidence from what it read first, and looks at what is revoked now;
    /// and when it began.
    pub(crate) fn lets_reader_in(&self, now: Duration) -> Option<(usize, Duration)> {
        let (Reader { began, before }, (token, basis)) = (self.reader.as_ref()?, self.kept.as_ref()?);
        let is_vouched_for = before.judge(basis, Bearer::default(), now) == Standing::Good;
        let recent = Basis { asked: now + LEASE, ..*basis };
        let is_good = self.ledger.judge(&recent, bearer(*token), now) == Standing::Good;
        (is_vouched_for && is_good).then_some((*token, *began))
    }
}

/// The token of this number, as a guard reads it.
fn bearer(token: usize) -> Bearer<'static> {
    static IDS: LazyLock<[(String, String); TOKENS]> =
        LazyLock::new(|| std::array::from_fn(|token| (user(token).to_string(), session(token).to_string())));
    let (subject, session) = &IDS[token];
    Bearer { subject, session, generation: 1, key: "kid" }
}

pub(crate) fn position(Place { log, last }: Place) -> Position {
    Position { log: log.0, last: Logged { revision: last.revision, mark: last.mark.0 } }
}

fn place(Position { log, last }: Position) -> Place {
    use auth_service::domain::Logged;
    Place { log: LogId(log), last: Logged { revision: last.revision, mark: Mark(last.mark) } }
}

fn target(revocation: &Revocation) -> Option<Target> {
    match revocation {
        Revocation::Start | Revocation::NewSigningKeys => None,
        Revocation::Session(id) => Some(Target::Session(id.to_string().into())),
        Revocation::SigningKey(id) => Some(Target::SigningKey(id.as_str().into())),
        Revocation::User { id, generation, cause } => {
            let cause = match cause {
                Cause::Ended => ledger::Cause::Revoked,
                Cause::Disabled => ledger::Cause::Disabled,
                Cause::Deleted => ledger::Cause::Deleted,
            };
            Some(Target::User { id: id.to_string().into(), generation: *generation, cause })
        }
    }
}
