//! One guard's end of the log, told what histories bring.

use chrono::DateTime;

use super::*;
use crate::domain::{EntryFingerprint, Horizon, LogId, Logged};
use crate::store::LogPage;
use crate::view::PageOutcome;

const LOG: LogId = LogId([1; 16]);
const ASKED: Duration = Duration::from_secs(7);

fn logged(revision: i64, mark: u8) -> Logged {
    Logged { revision, fingerprint: EntryFingerprint([mark; 16]) }
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
    let page = LogPage { log: LOG, head, horizon: Horizon::default(), entries, is_cut: false };
    assert_ne!(history.take(&page, asked), PageOutcome::Forked);
}

/// The log of the entries 0 to 3 as it begins anew after a loss.
fn anew(history: &History) -> History {
    let mut next = history.successor();
    let start = Entry { revocation: Revocation::Start, ..entry(4) };
    let entries = (0..=3).map(entry).chain([start]).collect();
    let log = LogId([7; 16]);
    next.take(&LogPage { log, head: 4, horizon: Horizon::default(), entries, is_cut: false }, ASKED);
    next
}

/// A history of the entries 0 to 3.
fn known() -> History {
    let mut history = History::default();
    take(&mut history, (0..=3).map(entry).collect(), ASKED);
    history
}

/// All that is said at this time.
fn said(outlet: &mut FeedCursor, history: &History, now: Duration) -> Vec<FeedEvent> {
    std::iter::from_fn(|| outlet.next(history, now)).collect()
}

#[test]
fn a_guard_goes_on_where_it_was_and_is_renewed_after_the_last_entry() {
    let mut history = known();
    let mut outlet = FeedCursor::open(&history, Some(at(1, 0)), ASKED);
    outlet.ask(7);
    outlet.ask(8);
    let all = [FeedEvent::Revocation(entry(2)), FeedEvent::Revocation(entry(3)), FeedEvent::Renewal(8, at(3, 0))];
    assert_eq!(said(&mut outlet, &history, ASKED), all);
    assert_eq!(outlet.asked(), None);
    take(&mut history, vec![entry(3), entry(4)], ASKED);
    assert_eq!(said(&mut outlet, &history, ASKED), [FeedEvent::Revocation(entry(4))]);
}

#[test]
fn a_guard_that_knows_nothing_or_something_else_begins_anew() {
    let history = known();
    let other_log = Position { log: LogId([2; 16]), ..at(3, 0) };
    for known in [None, Some(at(-1, 0)), Some(other_log)] {
        let mut outlet = FeedCursor::open(&history, known, ASKED);
        outlet.ask(1);
        let all = [FeedEvent::Reset(at(3, 0)), FeedEvent::Renewal(1, at(3, 0))];
        assert_eq!(said(&mut outlet, &history, ASKED), all, "{known:?}");
    }
    assert_eq!(said(&mut FeedCursor::open(&History::default(), None, ASKED), &History::default(), ASKED), []);
}

#[test]
fn a_view_that_is_not_fresh_renews_nothing() {
    let mut history = known();
    let mut outlet = FeedCursor::open(&history, Some(at(3, 0)), ASKED);
    outlet.ask(1);
    assert_eq!(said(&mut outlet, &history, ASKED + Duration::from_millis(501)), []);
    assert_eq!(outlet.asked(), Some(1));
    take(&mut history, vec![entry(3)], ASKED + Duration::from_millis(400));
    let all = [FeedEvent::Renewal(1, at(3, 0))];
    assert_eq!(said(&mut outlet, &history, ASKED + Duration::from_millis(501)), all);
}

#[test]
fn a_guard_that_is_ahead_waits_for_one_look_which_finds_it_or_the_loss() {
    for (found, mark) in [(5, 0), (5, 9), (4, 0)] {
        let mut history = known();
        let mut outlet = FeedCursor::open(&history, Some(at(5, mark)), ASKED);
        outlet.ask(1);
        take(&mut history, vec![entry(3)], ASKED);
        assert!(outlet.awaits_poll());
        assert_eq!((said(&mut outlet, &history, ASKED), outlet.lost(&history)), (vec![], None), "it began before");
        let later = ASKED + Duration::from_millis(1);
        take(&mut history, (3..=found).map(entry).collect(), later);
        if (found, mark) == (5, 0) {
            assert_eq!(outlet.lost(&history), None);
            assert_eq!(said(&mut outlet, &history, later), [FeedEvent::Renewal(1, at(5, 0))]);
            continue;
        }
        assert_eq!(outlet.lost(&history), Some(at(5, mark)), "{found} {mark}");
        assert_eq!(said(&mut outlet, &history, later), [], "the guard keeps what it knows until then");
        let next = anew(&history);
        assert_eq!(outlet.lost(&next), None);
        let position = next.position().unwrap();
        assert_eq!(said(&mut outlet, &next, ASKED), [FeedEvent::Reset(position), FeedEvent::Renewal(1, position)]);
    }
}

#[test]
fn a_guard_that_knows_another_entry_shows_the_loss_also_when_it_begins_anew() {
    let later = ASKED + Duration::from_millis(1);
    for known_row in [at(1, 9), at(3, 9)] {
        let mut history = known();
        let mut outlet = FeedCursor::open(&history, Some(known_row), ASKED).anew();
        assert_eq!((said(&mut outlet, &history, ASKED), outlet.lost(&history)), (vec![], None));
        take(&mut history, vec![entry(3)], later);
        assert_eq!(outlet.lost(&history), Some(known_row));
    }
    let history = known();
    let mut outlet = FeedCursor::open(&history, Some(at(2, 0)), ASKED).anew();
    assert_eq!(said(&mut outlet, &history, ASKED), [FeedEvent::Reset(at(3, 0))], "nothing is lost");
}

#[test]
fn a_guard_from_too_far_back_shows_a_loss_by_what_the_database_has() {
    let mut history = History::default();
    take(&mut history, (5..=7).map(entry).collect(), ASKED);
    let open = |history: &History| FeedCursor::open(history, Some(at(2, 9)), Duration::ZERO);
    let mut outlet = open(&history);
    assert_eq!(outlet.lost(&history), None);
    assert_eq!(said(&mut outlet, &history, ASKED), [FeedEvent::Reset(at(7, 0))]);
    assert_eq!(open(&history).refuted().lost(&history), Some(at(2, 9)));
}

#[test]
fn another_history_and_a_log_that_begins_anew_come_as_a_reset() {
    let mut history = known();
    let mut outlet = FeedCursor::open(&history, Some(at(3, 0)), ASKED);
    let mut next = history.successor();
    take(&mut next, (0..=3).map(entry).collect(), ASKED);
    assert_eq!(said(&mut outlet, &next, ASKED), [FeedEvent::Reset(at(3, 0))], "whatever its entries are");
    assert_eq!(said(&mut outlet, &next, ASKED), []);

    let mut outlet = FeedCursor::open(&history, Some(at(3, 0)), ASKED);
    let anew = Entry { revocation: Revocation::Start, ..entry(4) };
    take(&mut history, vec![entry(3), anew, entry(5)], ASKED);
    assert_eq!(said(&mut outlet, &history, ASKED), [FeedEvent::Reset(at(5, 0))]);
}
