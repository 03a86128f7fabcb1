//! Files that are written, read back and checked.

use std::time::Duration;

use tonic::Code;

use super::*;
use crate::drill::revocation::{CheckPlace, GuardedOutcome};

const fn check(place: CheckPlace, begun: u64, outcome: GuardedOutcome) -> ObservedCall {
    let (begun, ended) = (Duration::from_millis(begun), Duration::from_nanos(begun * 1_000_000 + 7));
    ObservedCall { session: 3, place, begun, ended, outcome }
}

const REVOKED: ObservedRevocation = ObservedRevocation {
    session: 3,
    replica: 1,
    begun: Duration::from_secs(1),
    acknowledged: Some(Duration::from_millis(1_010)),
};

fn entries(calls: Vec<ObservedCall>) -> HistoryEntries {
    HistoryEntries { revocations: vec![REVOKED, ObservedRevocation { acknowledged: None, ..REVOKED }], calls }
}

#[test]
fn written_history_is_read_back_and_checked() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("history.jsonl");
    let good = entries(vec![
        check(CheckPlace::Guard(0), 10, GuardedOutcome::Admitted),
        check(CheckPlace::Replica(1), 1_011, GuardedOutcome::Refused),
        check(CheckPlace::Guard(0), 3_011, GuardedOutcome::Refused),
        check(CheckPlace::Guard(0), 3_012, GuardedOutcome::Unavailable),
    ]);
    HistoryFile::create(&path, "a command", 1)?.add(&good)?;
    let read = RecordedHistory::read(&path)?;
    assert_eq!((read.guards, &read.entries.revocations), (1, &good.revocations));
    assert_eq!(read.entries.calls, good.calls);
    assert!(read.report().broken.is_empty(), "{:?}", read.report().broken);
    let planted = [
        check(CheckPlace::Replica(1), 1_011, GuardedOutcome::Admitted),
        check(CheckPlace::Guard(0), 3_050, GuardedOutcome::Admitted),
        check(CheckPlace::Guard(0), 500, GuardedOutcome::Refused),
        check(CheckPlace::Guard(0), 600, GuardedOutcome::Odd(Code::Internal)),
    ];
    for one in planted {
        let mut bad = good.clone();
        bad.calls.push(one);
        HistoryFile::create(&path, "a command", 1)?.add(&bad)?;
        let read = RecordedHistory::read(&path)?;
        assert_eq!(read.entries.calls, bad.calls);
        assert!(!read.report().broken.is_empty(), "{one:?}");
    }
    Ok(())
}

#[test]
fn history_without_late_checks_shows_nothing() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("history.jsonl");
    HistoryFile::create(&path, "a command", 1)?.add(&entries(vec![check(
        CheckPlace::Guard(0),
        2_000,
        GuardedOutcome::Admitted,
    )]))?;
    assert_eq!(RecordedHistory::read(&path)?.report().broken.len(), 1);
    std::fs::write(&path, "{\"event\":\"check\"}\n")?;
    let error = RecordedHistory::read(&path).unwrap_err().to_string();
    assert!(error.contains("line 1"), "{error}");
    Ok(())
}
