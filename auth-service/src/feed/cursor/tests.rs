//! Feed cursors in several histories.

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

/// Returns the history of the log of the entries 0 to 3 after a restart.
fn restarted(history: &History) -> History {
    let mut next = history.successor();
    let start = Entry { revocation: Revocation::Start, ..entry(4) };
    let entries = (0..=3).map(entry).chain([start]).collect();
    let log = LogId([7; 16]);
    next.take(&LogPage { log, head: 4, horizon: Horizon::default(), entries, is_cut: false }, ASKED);
    next
}

/// Returns a history of the entries 0 to 3.
fn known() -> History {
    let mut history = History::default();
    take(&mut history, (0..=3).map(entry).collect(), ASKED);
    history
}

/// Returns all events of this time.
fn events(cursor: &mut FeedCursor, history: &History, now: Duration) -> Vec<FeedEvent> {
    std::iter::from_fn(|| cursor.next(history, now)).collect()
}

#[test]
fn resumed_guard_gets_entries_then_renewal() {
    let mut history = known();
    let mut cursor = FeedCursor::open(&history, Some(at(1, 0)), ASKED);
    cursor.ask(7);
    cursor.ask(8);
    let all = [FeedEvent::Revocation(entry(2)), FeedEvent::Revocation(entry(3)), FeedEvent::Renewal(8, at(3, 0))];
    assert_eq!(events(&mut cursor, &history, ASKED), all);
    assert_eq!(cursor.asked(), None);
    take(&mut history, vec![entry(3), entry(4)], ASKED);
    assert_eq!(events(&mut cursor, &history, ASKED), [FeedEvent::Revocation(entry(4))]);
}

#[test]
fn new_guard_or_unknown_position_gets_reset() {
    let history = known();
    let other_log = Position { log: LogId([2; 16]), ..at(3, 0) };
    for known in [None, Some(at(-1, 0)), Some(other_log)] {
        let mut cursor = FeedCursor::open(&history, known, ASKED);
        cursor.ask(1);
        let all = [FeedEvent::Reset(at(3, 0)), FeedEvent::Renewal(1, at(3, 0))];
        assert_eq!(events(&mut cursor, &history, ASKED), all, "{known:?}");
    }
    assert_eq!(events(&mut FeedCursor::open(&History::default(), None, ASKED), &History::default(), ASKED), []);
}

#[test]
fn stale_view_sends_no_renewal() {
    let mut history = known();
    let mut cursor = FeedCursor::open(&history, Some(at(3, 0)), ASKED);
    cursor.ask(1);
    assert_eq!(events(&mut cursor, &history, ASKED + Duration::from_millis(501)), []);
    assert_eq!(cursor.asked(), Some(1));
    take(&mut history, vec![entry(3)], ASKED + Duration::from_millis(400));
    let all = [FeedEvent::Renewal(1, at(3, 0))];
    assert_eq!(events(&mut cursor, &history, ASKED + Duration::from_millis(501)), all);
}

#[test]
fn guard_ahead_of_log_waits_for_one_poll() {
    for (found, mark) in [(5, 0), (5, 9), (4, 0)] {
        let mut history = known();
        let mut cursor = FeedCursor::open(&history, Some(at(5, mark)), ASKED);
        cursor.ask(1);
        take(&mut history, vec![entry(3)], ASKED);
        assert!(cursor.awaits_poll());
        assert_eq!(
            (events(&mut cursor, &history, ASKED), cursor.lost(&history)),
            (vec![], None),
            "the poll began before"
        );
        let later = ASKED + Duration::from_millis(1);
        take(&mut history, (3..=found).map(entry).collect(), later);
        if (found, mark) == (5, 0) {
            assert_eq!(cursor.lost(&history), None);
            assert_eq!(events(&mut cursor, &history, later), [FeedEvent::Renewal(1, at(5, 0))]);
            continue;
        }
        assert_eq!(cursor.lost(&history), Some(at(5, mark)), "{found} {mark}");
        assert_eq!(events(&mut cursor, &history, later), [], "the guard keeps its state until the restart");
        let next = restarted(&history);
        assert_eq!(cursor.lost(&next), None);
        let position = next.position().unwrap();
        assert_eq!(events(&mut cursor, &next, ASKED), [FeedEvent::Reset(position), FeedEvent::Renewal(1, position)]);
    }
}

#[test]
fn guard_with_other_entry_shows_loss_despite_reset() {
    let later = ASKED + Duration::from_millis(1);
    for known_row in [at(1, 9), at(3, 9)] {
        let mut history = known();
        let mut cursor = FeedCursor::open(&history, Some(known_row), ASKED).reset_first();
        assert_eq!((events(&mut cursor, &history, ASKED), cursor.lost(&history)), (vec![], None));
        take(&mut history, vec![entry(3)], later);
        assert_eq!(cursor.lost(&history), Some(known_row));
    }
    let history = known();
    let mut cursor = FeedCursor::open(&history, Some(at(2, 0)), ASKED).reset_first();
    assert_eq!(events(&mut cursor, &history, ASKED), [FeedEvent::Reset(at(3, 0))], "no loss");
}

#[test]
fn database_refutes_old_position() {
    let mut history = History::default();
    take(&mut history, (5..=7).map(entry).collect(), ASKED);
    let open = |history: &History| FeedCursor::open(history, Some(at(2, 9)), Duration::ZERO);
    let mut cursor = open(&history);
    assert_eq!(cursor.lost(&history), None);
    assert_eq!(events(&mut cursor, &history, ASKED), [FeedEvent::Reset(at(7, 0))]);
    assert_eq!(open(&history).refuted().lost(&history), Some(at(2, 9)));
}

#[test]
fn new_history_and_restarted_log_send_reset() {
    let mut history = known();
    let mut cursor = FeedCursor::open(&history, Some(at(3, 0)), ASKED);
    let mut next = history.successor();
    take(&mut next, (0..=3).map(entry).collect(), ASKED);
    assert_eq!(events(&mut cursor, &next, ASKED), [FeedEvent::Reset(at(3, 0))], "same entries");
    assert_eq!(events(&mut cursor, &next, ASKED), []);

    let mut cursor = FeedCursor::open(&history, Some(at(3, 0)), ASKED);
    let restart = Entry { revocation: Revocation::Start, ..entry(4) };
    take(&mut history, vec![entry(3), restart, entry(5)], ASKED);
    assert_eq!(events(&mut cursor, &history, ASKED), [FeedEvent::Reset(at(5, 0))]);
}
