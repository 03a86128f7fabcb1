//! Tests of the ledger's rules.

use super::*;

const LOG: [u8; 16] = [1; 16];
const ADA: Bearer<'static> = Bearer { subject: "ada", session: "laptop", generation: 1, key: "kid" };

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn row(revision: i64, mark: u8) -> Logged {
    Logged { revision, mark: [mark; 16] }
}

fn position(revision: i64, mark: u8) -> Position {
    Position { log: LOG, last: row(revision, mark) }
}

/// Returns the evidence of an introspection that lives for a day.
fn introspection(asked: u64, position: Position) -> Basis {
    Basis { position, asked: at(asked), ttl: Duration::from_hours(24) }
}

/// Returns a ledger with a feed that began at revision 3 at time 0, added rows 4 and 5, and renewed them at 10,000.
fn fed() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.reset(position(3, 0), at(0));
    ledger.revoke(row(4, 0), None, at(0)).unwrap();
    ledger.revoke(row(5, 0), Some(Target::Session("phone".into())), at(0)).unwrap();
    ledger.renew(position(5, 0), at(10_000), at(10_300)).unwrap();
    ledger
}

#[track_caller]
fn is(ledger: &Ledger, basis: &Basis, now: u64, standing: Standing) {
    assert_eq!(ledger.judge(basis, ADA, at(now)), standing);
}

#[test]
fn verdict_without_feed_lives_for_1_s() {
    let ledger = Ledger::default();
    is(&ledger, &introspection(500, position(3, 0)), 1500, Standing::Good);
    is(&ledger, &introspection(500, position(3, 0)), 1501, Standing::Stale);
}

#[test]
fn renewal_counts_from_its_sending_for_this_log() {
    let ledger = fed();
    for known in [position(3, 0), position(4, 0), position(5, 0)] {
        is(&ledger, &introspection(1, known), 11_000, Standing::Good);
        is(&ledger, &introspection(1, known), 11_001, Standing::Stale);
    }
    let other_log = Position { log: [2; 16], ..position(5, 0) };
    for unknown in [position(2, 0), position(6, 0), position(4, 9), position(3, 9), position(i64::MIN, 0), other_log] {
        is(&ledger, &introspection(1, unknown), 10_500, Standing::Stale);
        is(&ledger, &introspection(10_000, unknown), 11_000, Standing::Good);
    }
}

#[test]
fn lease_never_goes_back() {
    let mut ledger = fed();
    ledger.renew(position(5, 0), at(9000), at(10_500)).unwrap();
    assert_eq!(ledger.lease(), Some(at(10_000)));
}

#[test]
fn revoked_token_is_dead_despite_evidence() {
    let mut ledger = fed();
    let bearer = |session, generation| Bearer { session, generation, ..ADA };
    let basis = introspection(10_000, position(5, 0));
    assert_eq!(ledger.judge(&basis, bearer("phone", 7), at(10_000)), Standing::Dead(Cause::Revoked));
    let user = |generation, cause| Some(Target::User { id: "ada".into(), generation, cause });
    ledger.revoke(row(6, 0), user(2, Cause::Disabled), at(10_000)).unwrap();
    is(&ledger, &basis, 10_000, Standing::Dead(Cause::Disabled));
    assert_eq!(ledger.judge(&basis, bearer("laptop", 2), at(10_000)), Standing::Good, "a younger generation");
    ledger.revoke(row(7, 0), user(2, Cause::Revoked), at(10_000)).unwrap();
    is(&ledger, &basis, 10_000, Standing::Dead(Cause::Revoked));
    ledger.revoke(row(8, 0), user(1, Cause::Disabled), at(10_000)).unwrap();
    is(&ledger, &basis, 10_000, Standing::Dead(Cause::Revoked));
}

#[test]
fn token_of_a_dead_key_is_stale() {
    let mut ledger = fed();
    ledger.revoke(row(6, 0), Some(Target::SigningKey("kid".into())), at(10_000)).unwrap();
    is(&ledger, &introspection(10_000, position(6, 0)), 10_000, Standing::Stale);
}

#[test]
fn verdict_ends_ttl_after_its_request() {
    let basis = Basis { ttl: at(300), ..introspection(10_000, position(5, 0)) };
    is(&fed(), &basis, 10_299, Standing::Good);
    is(&fed(), &basis, 10_300, Standing::Stale);
}

#[test]
fn reset_invalidates_earlier_requests() {
    let before = fed();
    let mut reset = before.clone();
    reset.reset(position(5, 0), at(10_500));
    let mut lost = before.clone();
    lost.lose(at(10_500));
    for ledger in [&reset, &lost] {
        assert_eq!(ledger.lease(), None);
        assert!(!ledger.is_recent(at(10_500), at(10_500)));
        is(ledger, &introspection(10_500, position(5, 0)), 10_500, Standing::Stale);
        is(ledger, &introspection(10_501, position(5, 0)), 11_501, Standing::Good);
        is(ledger, &introspection(10_501, position(5, 0)), 11_502, Standing::Stale);
    }
    assert_eq!((reset.position(), lost.position()), (Some(position(5, 0)), None));
}

#[test]
fn gap_drops_all_state() {
    type Say = fn(&mut Ledger) -> Result<(), Gap>;
    let gaps: [Say; 5] = [
        |ledger| ledger.revoke(row(5, 0), None, at(10_500)),
        |ledger| ledger.revoke(row(7, 0), None, at(10_500)),
        |ledger| ledger.renew(position(4, 0), at(10_400), at(10_500)),
        |ledger| ledger.renew(position(6, 0), at(10_400), at(10_500)),
        |ledger| ledger.renew(position(5, 9), at(10_400), at(10_500)),
    ];
    let mut lost = fed();
    lost.lose(at(10_500));
    for gap in gaps {
        let mut ledger = fed();
        assert_eq!(gap(&mut ledger), Err(Gap));
        assert_eq!(ledger, lost);
    }
    assert_eq!(Ledger::default().renew(position(0, 0), at(1), at(2)), Err(Gap));
}

#[test]
fn full_ledger_resets_at_its_position() {
    let mut ledger = Ledger::new(2);
    ledger.reset(position(3, 0), at(0));
    for revision in [4, 5] {
        ledger.revoke(row(revision, 0), Some(Target::Session("laptop".into())), at(1)).unwrap();
    }
    is(&ledger, &introspection(1, position(5, 0)), 2, Standing::Dead(Cause::Revoked));
    ledger.revoke(row(6, 0), None, at(2)).unwrap();
    assert_eq!((ledger.rows(), ledger.position()), (0, Some(position(6, 0))));
    is(&ledger, &introspection(2, position(5, 0)), 2, Standing::Stale);
}

#[test]
fn negative_verdict_lives_for_1_s() {
    let ledger = fed();
    assert!(ledger.is_recent(at(9500), at(10_500)));
    assert!(!ledger.is_recent(at(9500), at(10_501)));
}
