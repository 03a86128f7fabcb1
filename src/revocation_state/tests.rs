//! Tests of the revocation state.

use super::*;

const LOG: [u8; 16] = [1; 16];
const ADA: RevocableClaims<'static> = RevocableClaims { subject: "ada", session: "laptop", generation: 1, key: "kid" };

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn entry(revision: i64, fingerprint: u8) -> LogEntry {
    LogEntry { revision, fingerprint: [fingerprint; 16] }
}

fn position(revision: i64, fingerprint: u8) -> LogPosition {
    LogPosition { log: LOG, last: entry(revision, fingerprint) }
}

/// Returns the evidence of an introspection that lives for a day.
fn evidence(asked: u64, position: LogPosition) -> Evidence {
    Evidence { position, asked: ms(asked), ttl: Duration::from_hours(24) }
}

/// Returns a state with a feed that began at revision 3 at time 0, added entries 4 and 5, and renewed them at
/// 10,000.
fn fed() -> RevocationState {
    let mut state = RevocationState::default();
    state.reset(position(3, 0), ms(0));
    state.revoke(entry(4, 0), None, ms(0)).unwrap();
    state.revoke(entry(5, 0), Some(RevocationTarget::Session("phone".into())), ms(0)).unwrap();
    state.renew(position(5, 0), ms(10_000), ms(10_300)).unwrap();
    state
}

#[track_caller]
fn check(state: &RevocationState, evidence: &Evidence, now: u64, validity: Validity) {
    assert_eq!(state.validity(evidence, ADA, ms(now)), validity);
}

#[test]
fn introspection_without_feed_lives_for_1_s() {
    let state = RevocationState::default();
    check(&state, &evidence(500, position(3, 0)), 1500, Validity::Valid);
    check(&state, &evidence(500, position(3, 0)), 1501, Validity::Stale);
}

#[test]
fn renewal_counts_from_its_request_for_this_log() {
    let state = fed();
    for known in [position(3, 0), position(4, 0), position(5, 0)] {
        check(&state, &evidence(1, known), 11_000, Validity::Valid);
        check(&state, &evidence(1, known), 11_001, Validity::Stale);
    }
    let other_log = LogPosition { log: [2; 16], ..position(5, 0) };
    for unknown in [position(2, 0), position(6, 0), position(4, 9), position(3, 9), position(i64::MIN, 0), other_log] {
        check(&state, &evidence(1, unknown), 10_500, Validity::Stale);
        check(&state, &evidence(10_000, unknown), 11_000, Validity::Valid);
    }
}

#[test]
fn lease_never_goes_back() {
    let mut state = fed();
    state.renew(position(5, 0), ms(9000), ms(10_500)).unwrap();
    assert_eq!(state.lease(), Some(ms(10_000)));
}

#[test]
fn revoked_token_is_dead_despite_evidence() {
    let mut state = fed();
    let claims = |session, generation| RevocableClaims { session, generation, ..ADA };
    let evidence = evidence(10_000, position(5, 0));
    assert_eq!(state.validity(&evidence, claims("phone", 7), ms(10_000)), Validity::Revoked(RevocationCause::Revoked));
    let user = |generation, cause| Some(RevocationTarget::User { id: "ada".into(), generation, cause });
    state.revoke(entry(6, 0), user(2, RevocationCause::Disabled), ms(10_000)).unwrap();
    check(&state, &evidence, 10_000, Validity::Revoked(RevocationCause::Disabled));
    assert_eq!(state.validity(&evidence, claims("laptop", 2), ms(10_000)), Validity::Valid, "a younger generation");
    state.revoke(entry(7, 0), user(2, RevocationCause::Revoked), ms(10_000)).unwrap();
    check(&state, &evidence, 10_000, Validity::Revoked(RevocationCause::Revoked));
    state.revoke(entry(8, 0), user(1, RevocationCause::Disabled), ms(10_000)).unwrap();
    check(&state, &evidence, 10_000, Validity::Revoked(RevocationCause::Revoked));
}

#[test]
fn token_of_a_dead_key_is_stale() {
    let mut state = fed();
    state.revoke(entry(6, 0), Some(RevocationTarget::SigningKey("kid".into())), ms(10_000)).unwrap();
    check(&state, &evidence(10_000, position(6, 0)), 10_000, Validity::Stale);
}

#[test]
fn introspection_ends_ttl_after_its_request() {
    let evidence = Evidence { ttl: ms(300), ..evidence(10_000, position(5, 0)) };
    check(&fed(), &evidence, 10_299, Validity::Valid);
    check(&fed(), &evidence, 10_300, Validity::Stale);
}

#[test]
fn reset_invalidates_earlier_requests() {
    let before = fed();
    let mut reset = before.clone();
    reset.reset(position(5, 0), ms(10_500));
    let mut lost = before.clone();
    lost.clear(ms(10_500));
    for state in [&reset, &lost] {
        assert_eq!(state.lease(), None);
        assert!(!state.is_recent(ms(10_500), ms(10_500)));
        check(state, &evidence(10_500, position(5, 0)), 10_500, Validity::Stale);
        check(state, &evidence(10_501, position(5, 0)), 11_501, Validity::Valid);
        check(state, &evidence(10_501, position(5, 0)), 11_502, Validity::Stale);
    }
    assert_eq!((reset.position(), lost.position()), (Some(position(5, 0)), None));
}

#[test]
fn gap_drops_all_state() {
    type Say = fn(&mut RevocationState) -> Result<(), Gap>;
    let gaps: [Say; 5] = [
        |state| state.revoke(entry(5, 0), None, ms(10_500)),
        |state| state.revoke(entry(7, 0), None, ms(10_500)),
        |state| state.renew(position(4, 0), ms(10_400), ms(10_500)),
        |state| state.renew(position(6, 0), ms(10_400), ms(10_500)),
        |state| state.renew(position(5, 9), ms(10_400), ms(10_500)),
    ];
    let mut lost = fed();
    lost.clear(ms(10_500));
    for gap in gaps {
        let mut state = fed();
        assert_eq!(gap(&mut state), Err(Gap));
        assert_eq!(state, lost);
    }
    assert_eq!(RevocationState::default().renew(position(0, 0), ms(1), ms(2)), Err(Gap));
}

#[test]
fn full_state_resets_at_its_position() {
    let mut state = RevocationState::new(2);
    state.reset(position(3, 0), ms(0));
    for revision in [4, 5] {
        state.revoke(entry(revision, 0), Some(RevocationTarget::Session("laptop".into())), ms(1)).unwrap();
    }
    check(&state, &evidence(1, position(5, 0)), 2, Validity::Revoked(RevocationCause::Revoked));
    state.revoke(entry(6, 0), None, ms(2)).unwrap();
    assert_eq!((state.entries(), state.position()), (0, Some(position(6, 0))));
    check(&state, &evidence(2, position(5, 0)), 2, Validity::Stale);
}

#[test]
fn inactive_introspection_lives_for_1_s() {
    let state = fed();
    assert!(state.is_recent(ms(9500), ms(10_500)));
    assert!(!state.is_recent(ms(9500), ms(10_501)));
}

/// The model finds a known state by its hash.
#[test]
fn equal_states_have_equal_hashes_and_others_differ() {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    let revoked = |targets: &[RevocationTarget]| {
        let mut state = fed();
        for (target, revision) in targets.iter().zip(6..) {
            state.revoke(entry(revision, 0), Some(target.clone()), ms(10_000)).unwrap();
        }
        (BuildHasherDefault::<DefaultHasher>::default().hash_one(&state), state)
    };
    let session = |id: &str| RevocationTarget::Session(id.into());
    let key = |id: &str| RevocationTarget::SigningKey(id.into());
    let numbers: Vec<String> = (0..9).map(|number| number.to_string()).collect();
    for targets in
        [numbers.iter().map(|id| session(id)).collect::<Vec<_>>(), numbers.iter().map(|id| key(id)).collect()]
    {
        let reversed: Vec<_> = targets.iter().rev().cloned().collect();
        assert_eq!(revoked(&targets), revoked(&reversed), "in any order");
    }
    let different = [[session("a")], [session("b")], [key("a")], [key("b")]];
    for (at, one) in different.iter().enumerate() {
        for other in &different[..at] {
            assert_ne!(revoked(one).0, revoked(other).0, "{one:?} {other:?}");
        }
    }
}
