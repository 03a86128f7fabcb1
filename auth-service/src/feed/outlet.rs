//! One guard's end of the log as a pure machine: no clock, no socket, no task.

use std::time::Duration;

use crate::domain::{Entry, Position, Revocation};
use crate::view::{After, History};

/// What one guard has been told of the log, and what it is to be told next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outlet {
    /// Of the history with this number.
    history: u64,
    /// Every revocation up to there; `None` where the guard has to begin anew.
    told: Option<Position>,
    /// When the guard came.
    opened: Duration,
    /// The last question that has no answer yet.
    asked: Option<u64>,
}

/// What a guard is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Said {
    /// Nothing that it knows counts any more: what is revoked is known up to this position, and is told from there on.
    Reset(Position),
    /// The next entry.
    Revocation(Entry),
    /// The question's answer: at some time since it was asked, no more had been revoked than up to this position.
    Renewal(u64, Position),
}

impl Outlet {
    /// For a guard that came at the time `now`, knows of all revocations up to `known`, and is told of what this history
    /// will bring.
    pub fn open(history: &History, known: Option<Position>, now: Duration) -> Self {
        Self { history: history.number(), told: known, opened: now, asked: None }
    }

    /// The guard asks for a renewal. Of several questions the last one is answered.
    pub fn ask(&mut self, nonce: u64) {
        self.asked = Some(nonce);
    }

    /// The number of the question that cannot be answered yet, if there is one.
    pub fn asked(&self) -> Option<u64> {
        self.asked
    }

    /// How far the guard has been told; `None` where it has to begin anew.
    pub fn told(&self) -> Option<Position> {
        self.told
    }

    /// What the guard is told next, if there is anything to tell now. `now` is read after the history.
    ///
    /// In this order, each of which the bound stands on: that what was told has been lost, before anything of what took its
    /// place; then every entry; and only when all have been told a renewal, by a view that is fresh.
    pub fn next(&mut self, history: &History, now: Duration) -> Option<Said> {
        let position = history.position()?;
        let told = self.told.filter(|told| told.log == position.log && self.history == history.number());
        let Some(told) = told else { return Some(self.reset(history, position)) };
        match history.after(told.last) {
            // The log itself begins anew: it may have lost what this replica has never seen.
            After::Entry(entry) if entry.revocation == Revocation::Start => Some(self.reset(history, position)),
            After::Entry(entry) => {
                self.told = Some(Position { last: entry.logged, ..told });
                Some(Said::Revocation(entry.clone()))
            }
            After::End => {
                let position = history.position_at(now).ok()?;
                self.asked.take().map(|nonce| Said::Renewal(nonce, position))
            }
            // This replica may be behind; but what a look since then has not found is not there.
            After::Unread if history.looked_at().is_none_or(|looked_at| looked_at <= self.opened) => None,
            After::Unread | After::Lost => Some(self.reset(history, position)),
        }
    }

    fn reset(&mut self, history: &History, position: Position) -> Said {
        self.history = history.number();
        self.told = Some(position);
        Said::Reset(position)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::{Horizon, LogId, Logged, Mark};
    use crate::store::Page;

    const LOG: LogId = LogId([1; 16]);
    const ASKED: Duration = Duration::from_secs(7);

    fn logged(revision: i64, mark: u8) -> Logged {
        Logged { revision, mark: Mark([mark; 16]) }
    }

    fn at(revision: i64, mark: u8) -> Position {
        Position { log: LOG, last: logged(revision, mark) }
    }

    fn entry(revision: i64) -> Entry {
        let revocation = if revision == 0 { Revocation::Start } else { Revocation::NewSigningKeys };
        Entry { logged: logged(revision, 0), revocation, time: DateTime::UNIX_EPOCH }
    }

    fn take(history: &mut History, entries: Vec<Entry>, asked: Duration) {
        let head = entries.last().unwrap().logged.revision;
        history.take(&Page { log: LOG, head, horizon: Horizon::default(), entries }, asked);
    }

    /// A history of the entries 0 to 3.
    fn known() -> History {
        let mut history = History::default();
        take(&mut history, (0..=3).map(entry).collect(), ASKED);
        history
    }

    /// All that is said at this time.
    fn said(outlet: &mut Outlet, history: &History, now: Duration) -> Vec<Said> {
        std::iter::from_fn(|| outlet.next(history, now)).collect()
    }

    #[test]
    fn a_guard_goes_on_where_it_was_and_is_renewed_after_the_last_entry() {
        let mut history = known();
        let mut outlet = Outlet::open(&history, Some(at(1, 0)), ASKED);
        outlet.ask(7);
        outlet.ask(8);
        let all = [Said::Revocation(entry(2)), Said::Revocation(entry(3)), Said::Renewal(8, at(3, 0))];
        assert_eq!(said(&mut outlet, &history, ASKED), all);
        assert_eq!(outlet.asked(), None);
        take(&mut history, vec![entry(3), entry(4)], ASKED);
        assert_eq!(said(&mut outlet, &history, ASKED), [Said::Revocation(entry(4))]);
    }

    #[test]
    fn a_guard_that_knows_nothing_or_something_else_begins_anew() {
        let history = known();
        let other_log = Position { log: LogId([2; 16]), ..at(3, 0) };
        for known in [None, Some(at(1, 9)), Some(at(3, 9)), Some(at(-1, 0)), Some(other_log)] {
            let mut outlet = Outlet::open(&history, known, ASKED);
            outlet.ask(1);
            let all = [Said::Reset(at(3, 0)), Said::Renewal(1, at(3, 0))];
            assert_eq!(said(&mut outlet, &history, ASKED), all, "{known:?}");
        }
        assert_eq!(said(&mut Outlet::open(&History::default(), None, ASKED), &History::default(), ASKED), []);
    }

    #[test]
    fn a_view_that_is_not_fresh_renews_nothing() {
        let mut history = known();
        let mut outlet = Outlet::open(&history, Some(at(3, 0)), ASKED);
        outlet.ask(1);
        assert_eq!(said(&mut outlet, &history, ASKED + Duration::from_millis(501)), []);
        assert_eq!(outlet.asked(), Some(1));
        take(&mut history, vec![entry(3)], ASKED + Duration::from_millis(400));
        let all = [Said::Renewal(1, at(3, 0))];
        assert_eq!(said(&mut outlet, &history, ASKED + Duration::from_millis(501)), all);
    }

    #[test]
    fn a_replica_that_is_behind_waits_for_one_look_and_then_knows_that_the_log_has_lost_entries() {
        for (found, mark) in [(5, 0), (5, 9), (4, 0)] {
            let mut history = known();
            let mut outlet = Outlet::open(&history, Some(at(5, mark)), ASKED);
            outlet.ask(1);
            take(&mut history, vec![entry(3)], ASKED);
            assert_eq!(said(&mut outlet, &history, ASKED), [], "that look had begun before");
            let later = ASKED + Duration::from_millis(1);
            take(&mut history, (3..=found).map(entry).collect(), later);
            let renewal = Said::Renewal(1, at(found, 0));
            let all = if (found, mark) == (5, 0) { vec![renewal] } else { vec![Said::Reset(at(found, 0)), renewal] };
            assert_eq!(said(&mut outlet, &history, later), all, "{found} {mark}");
        }
    }

    #[test]
    fn another_history_and_a_log_that_begins_anew_come_as_a_reset() {
        let mut history = known();
        let mut outlet = Outlet::open(&history, Some(at(3, 0)), ASKED);
        let mut next = history.successor();
        take(&mut next, (0..=3).map(entry).collect(), ASKED);
        assert_eq!(said(&mut outlet, &next, ASKED), [Said::Reset(at(3, 0))], "whatever its entries are");
        assert_eq!(said(&mut outlet, &next, ASKED), []);

        let mut outlet = Outlet::open(&history, Some(at(3, 0)), ASKED);
        let anew = Entry { revocation: Revocation::Start, ..entry(4) };
        take(&mut history, vec![entry(3), anew, entry(5)], ASKED);
        assert_eq!(said(&mut outlet, &history, ASKED), [Said::Reset(at(5, 0))]);
    }
}
