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

/// An entry by which a log says that it begins anew.
fn start(revision: i64) -> Entry {
    Entry { revocation: Revocation::Start, ..entry(revision, 0) }
}

/// A history that knows the entries 4 to 6, of the mark 0.
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
fn a_history_begins_wherever_the_log_does_and_goes_on_from_there() {
    let mut history = known();
    assert_eq!((history.next(), revision(&history), history.polled_at()), (6, Some(6), Some(ASKED)));
    let later = ASKED + Duration::from_millis(200);
    assert_eq!(history.take(&page(8, vec![entry(6, 0), entry(7, 1), entry(8, 2)]), later), PageOutcome::Complete);
    assert_eq!((revision(&history), history.polled_at()), (Some(8), Some(later)));
    assert_eq!(history.take(&page(8, vec![entry(8, 2)]), later), PageOutcome::Complete, "nothing new");
}

#[test]
fn a_page_that_does_not_reach_the_end_says_nothing_of_the_time() {
    let mut history = known();
    let many = (6..1006).map(|revision| entry(revision, 0)).collect();
    assert_eq!(history.take(&page(2000, many), ASKED * 2), PageOutcome::More);
    assert_eq!((history.next(), history.polled_at()), (1005, Some(ASKED)));
}

#[test]
fn a_log_that_has_lost_what_was_known_is_a_fork_and_nothing_of_it_is_taken() {
    let other = LogPage { log: LogId([2; 16]), ..page(7, vec![entry(6, 0), entry(7, 0)]) };
    for (what, fork) in [
        ("another mark", page(6, vec![entry(6, 1)])),
        ("another mark, and more", page(7, vec![entry(6, 1), entry(7, 0)])),
        ("rolled back", page(5, Vec::new())),
        ("rolled back, and pruned", page(5, vec![entry(5, 0)])),
        ("another log, pruned beyond", LogPage { log: LogId([2; 16]), ..page(9, vec![entry(8, 0), entry(9, 0)]) }),
        ("a gap", page(8, vec![entry(6, 0), entry(8, 0)])),
        ("another log", other),
    ] {
        let mut history = known();
        assert_eq!(history.take(&fork, ASKED * 2), PageOutcome::Forked, "{what}");
        assert_eq!((revision(&history), history.polled_at()), (Some(6), Some(ASKED)), "{what}");
    }
    assert_eq!(History::default().take(&page(0, Vec::new()), ASKED), PageOutcome::Forked, "no log at all");
}

#[test]
fn a_pruned_log_is_read_on_and_what_was_known_stays_known() {
    let mut history = known();
    let horizon = Horizon::from(DateTime::UNIX_EPOCH + Duration::from_mins(1));
    let pruned = LogPage { horizon, ..page(9, vec![entry(8, 0), entry(9, 0)]) };
    assert_eq!(history.take(&pruned, ASKED * 2), PageOutcome::Complete);
    assert_eq!((revision(&history), history.polled_at()), (Some(9), Some(ASKED * 2)));
    assert_eq!(history.contents().horizon(), horizon);
    assert_eq!(history.number(), 0, "the same history");
    assert_eq!(history.after(entry(6, 0).logged), NextEntry::Lost, "what followed it is gone");
    assert_eq!(history.after(entry(8, 0).logged), NextEntry::Entry(&entry(9, 0)));
    assert_eq!(history.after(entry(9, 0).logged), NextEntry::End);
}

#[test]
fn a_log_that_begins_anew_by_a_row_of_its_own_has_lost_nothing() {
    let anew = |entries: Vec<Entry>| LogPage { log: LogId([2; 16]), ..page(2000, entries) };
    let mut history = known();
    let many =
        |first: Entry, from| std::iter::once(first).chain((from..).map(|revision| entry(revision, 0))).take(1000);
    assert_eq!(history.take(&anew(many(entry(6, 0), 7).collect()), ASKED * 2), PageOutcome::More);
    let mut silent = history.clone();
    let mut rest = vec![entry(1005, 0), start(1006)];
    assert_eq!(history.take(&anew([rest.clone(), vec![entry(1007, 0)]].concat()), ASKED * 2), PageOutcome::Complete);
    assert_eq!(history.position(), Some(Position { log: LogId([2; 16]), last: entry(1007, 0).logged }));
    rest[1] = entry(1006, 0);
    assert_eq!(silent.take(&anew(rest), ASKED * 2), PageOutcome::Forked, "nothing says why");
}

#[test]
fn an_entry_is_known_by_its_mark_once_the_position_is_there() {
    let history = known();
    let logged = |revision, mark| entry(revision, mark).logged;
    assert_eq!(history.has(logged(7, 0)), None, "not yet");
    assert_eq!(history.has(logged(6, 0)), Some(true));
    assert_eq!(history.has(logged(4, 0)), Some(true));
    assert_eq!(history.has(logged(6, 1)), Some(false), "another history's");
    assert_eq!(history.has(logged(3, 0)), Some(false), "from before the beginning");
    assert_eq!(History::default().has(logged(0, 0)), None);
}

#[test]
fn what_follows_an_entry_is_told_by_its_mark_and_no_further_back_than_is_kept() {
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
fn a_successor_knows_nothing_and_is_told_from_the_one_before() {
    let next = known().successor();
    assert_eq!((next.number(), next.position(), next.polled_at()), (1, None, None));
}

#[test]
fn an_owed_entry_is_read_before_anything_is_judged() {
    let mut history = known();
    let owed = entry(8, 2);
    assert!(history.owe(entry(6, 0).logged) && history.position_at(ASKED).is_ok(), "it is known");
    assert!(!history.owe(entry(6, 1).logged) && history.position_at(ASKED).is_ok(), "it is lost");
    assert!(history.owe(owed.logged) && history.owe(entry(7, 1).logged), "neither is known yet");
    assert_eq!(history.position_at(ASKED), Err(StaleView));
    // A look that began before the commit.
    history.take(&page(7, vec![entry(6, 0), entry(7, 1)]), ASKED);
    assert_eq!(history.position_at(ASKED), Err(StaleView));
    history.take(&page(8, vec![entry(7, 1), owed.clone()]), ASKED);
    assert_eq!(history.position_at(ASKED).unwrap().last, owed.logged);
    history.owe(entry(9, 0).logged);
    assert_eq!(history.successor(), known().successor(), "another history owes nothing");
}

#[test]
fn only_the_last_entries_are_kept() {
    let mut history = known();
    for revision in 7..=20_000 {
        history.take(&page(revision, vec![entry(revision - 1, 0), entry(revision, 0)]), ASKED);
    }
    assert_eq!(history.recent.len(), RECENT);
    assert_eq!(history.has(entry(20_000, 0).logged), Some(true));
    assert_eq!(history.has(entry(20_001 - 16_384, 0).logged), Some(true));
    assert_eq!(history.has(entry(20_000 - 16_384, 0).logged), Some(false));
}
