//! One replica's view of the log, moved page by page.

use chrono::DateTime;

use super::*;
use crate::domain::{EntryFingerprint, Horizon};

const LOG: LogId = LogId([1; 16]);
const ASKED: Duration = Duration::from_secs(7);

fn entry(revision: i64, mark: u8) -> Entry {
    let logged = Logged { revision, fingerprint: EntryFingerprint([mark; 16]) };
    Entry { logged, revocation: Revocation::NewSigningKeys, time: DateTime::UNIX_EPOCH }
}

fn page(head: i64, entries: Vec<Entry>) -> LogPage {
    let is_cut = entries.len() == 1000;
    LogPage { log: LOG, head, horizon: Horizon::default(), entries, is_cut }
}

/// Returns the first entry of a restarted log.
fn start(revision: i64) -> Entry {
    Entry { revocation: Revocation::Start, ..entry(revision, 0) }
}

/// Returns a history that knows the entries 4 to 6 with the mark 0.
fn known() -> History {
    let mut history = History::default();
    assert_eq!(history.next(), 0);
    let beginning = page(6, (4..=6).map(|revision| entry(revision, 0)).collect());
    assert_eq!(history.take(&beginning, ASKED), PageOutcome::Complete);
    history
}

fn revision(history: &History) -> Option<i64> {
    history.position().map(|position| position.last.revision)
}

#[test]
fn history_begins_with_log_and_continues() {
    let mut history = known();
    assert_eq!((history.next(), revision(&history), history.polled_at()), (6, Some(6), Some(ASKED)));
    let later = ASKED + Duration::from_millis(200);
    assert_eq!(history.take(&page(8, vec![entry(6, 0), entry(7, 1), entry(8, 2)]), later), PageOutcome::Complete);
    assert_eq!((revision(&history), history.polled_at()), (Some(8), Some(later)));
    assert_eq!(history.take(&page(8, vec![entry(8, 2)]), later), PageOutcome::Complete, "nothing new");
}

#[test]
fn incomplete_page_keeps_poll_time() {
    let mut history = known();
    let many = (6..1006).map(|revision| entry(revision, 0)).collect();
    assert_eq!(history.take(&page(2000, many), ASKED * 2), PageOutcome::More);
    assert_eq!((history.next(), history.polled_at()), (1005, Some(ASKED)));
}

#[test]
fn fork_is_not_applied() {
    let other = LogPage { log: LogId([2; 16]), ..page(7, vec![entry(6, 0), entry(7, 0)]) };
    for (case, fork) in [
        ("another mark", page(6, vec![entry(6, 1)])),
        ("another mark, and a later entry", page(7, vec![entry(6, 1), entry(7, 0)])),
        ("rolled back", page(5, Vec::new())),
        ("rolled back, and pruned", page(5, vec![entry(5, 0)])),
        ("another log, after a gap", LogPage { log: LogId([2; 16]), ..page(9, vec![entry(8, 0), entry(9, 0)]) }),
        ("a gap", page(8, vec![entry(6, 0), entry(8, 0)])),
        ("another log", other),
    ] {
        let mut history = known();
        assert_eq!(history.take(&fork, ASKED * 2), PageOutcome::Forked, "{case}");
        assert_eq!((revision(&history), history.polled_at()), (Some(6), Some(ASKED)), "{case}");
    }
    assert_eq!(History::default().take(&page(0, Vec::new()), ASKED), PageOutcome::Forked, "empty log");
}

#[test]
fn pruned_log_keeps_known_revocations() {
    let mut history = known();
    let horizon = Horizon::from(DateTime::UNIX_EPOCH + Duration::from_mins(1));
    let pruned = LogPage { horizon, ..page(9, vec![entry(8, 0), entry(9, 0)]) };
    assert_eq!(history.take(&pruned, ASKED * 2), PageOutcome::Complete);
    assert_eq!((revision(&history), history.polled_at()), (Some(9), Some(ASKED * 2)));
    assert_eq!(history.contents().horizon(), horizon);
    assert_eq!(history.number(), 0, "the same history");
    assert_eq!(history.after(entry(6, 0).logged), NextEntry::Lost, "the successor is pruned");
    assert_eq!(history.after(entry(8, 0).logged), NextEntry::Entry(&entry(9, 0)));
    assert_eq!(history.after(entry(9, 0).logged), NextEntry::End);
}

#[test]
fn restart_row_explains_new_identity() {
    let restarted = |entries: Vec<Entry>| LogPage { log: LogId([2; 16]), ..page(2000, entries) };
    let mut history = known();
    let many =
        |first: Entry, from| std::iter::once(first).chain((from..).map(|revision| entry(revision, 0))).take(1000);
    assert_eq!(history.take(&restarted(many(entry(6, 0), 7).collect()), ASKED * 2), PageOutcome::More);
    let mut silent = history.clone();
    let mut rest = vec![entry(1005, 0), start(1006)];
    assert_eq!(
        history.take(&restarted([rest.clone(), vec![entry(1007, 0)]].concat()), ASKED * 2),
        PageOutcome::Complete
    );
    assert_eq!(history.position(), Some(Position { log: LogId([2; 16]), last: entry(1007, 0).logged }));
    rest[1] = entry(1006, 0);
    assert_eq!(silent.take(&restarted(rest), ASKED * 2), PageOutcome::Forked, "no restart row");
}

#[test]
fn entry_is_known_by_its_mark() {
    let history = known();
    let logged = |revision, mark| entry(revision, mark).logged;
    assert_eq!(history.has(logged(7, 0)), None, "not yet");
    assert_eq!(history.has(logged(6, 0)), Some(true));
    assert_eq!(history.has(logged(4, 0)), Some(true));
    assert_eq!(history.has(logged(6, 1)), Some(false), "of another history");
    assert_eq!(history.has(logged(3, 0)), Some(false), "before the first known entry");
    assert_eq!(History::default().has(logged(0, 0)), None);
}

#[test]
fn successor_is_found_by_mark_among_kept_entries() {
    let history = known();
    let logged = |revision, mark| entry(revision, mark).logged;
    assert_eq!(history.after(logged(4, 0)), NextEntry::Entry(&entry(5, 0)));
    assert_eq!(history.after(logged(6, 0)), NextEntry::End);
    assert_eq!(history.after(logged(7, 0)), NextEntry::Unread);
    for other in [logged(5, 1), logged(6, 1)] {
        assert_eq!(history.after(other), NextEntry::Other, "{other:?}");
    }
    for lost in [logged(3, 0), logged(i64::MIN, 0)] {
        assert_eq!(history.after(lost), NextEntry::Lost, "{lost:?}");
    }
    assert_eq!(History::default().after(logged(0, 0)), NextEntry::Unread);
}

#[test]
fn successor_history_is_empty_with_next_number() {
    let next = known().successor();
    assert_eq!((next.number(), next.position(), next.polled_at()), (1, None, None));
}

#[test]
fn required_entry_makes_view_stale_until_read() {
    let mut history = known();
    let required = entry(8, 2);
    assert!(history.require(entry(6, 0).logged) && history.position_at(ASKED).is_ok(), "known entry");
    assert!(!history.require(entry(6, 1).logged) && history.position_at(ASKED).is_ok(), "lost entry");
    assert!(history.require(required.logged) && history.require(entry(7, 1).logged), "unknown entries");
    assert_eq!(history.position_at(ASKED), Err(StaleView));
    // A poll that began before the commit.
    history.take(&page(7, vec![entry(6, 0), entry(7, 1)]), ASKED);
    assert_eq!(history.position_at(ASKED), Err(StaleView));
    history.take(&page(8, vec![entry(7, 1), required.clone()]), ASKED);
    assert_eq!(history.position_at(ASKED).unwrap().last, required.logged);
    history.require(entry(9, 0).logged);
    assert_eq!(history.successor(), known().successor(), "a successor requires no entry");
}

#[test]
fn history_keeps_recent_entries() {
    let mut history = known();
    for revision in 7..=20_000 {
        history.take(&page(revision, vec![entry(revision - 1, 0), entry(revision, 0)]), ASKED);
    }
    assert_eq!(history.recent.len(), MAX_RECENT_ENTRIES);
    assert_eq!(history.has(entry(20_000, 0).logged), Some(true));
    assert_eq!(history.has(entry(20_001 - 16_384, 0).logged), Some(true));
    assert_eq!(history.has(entry(20_000 - 16_384, 0).logged), Some(false));
}
