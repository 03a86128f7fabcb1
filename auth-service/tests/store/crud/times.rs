//! Future times written under a wrong clock.

use std::time::Duration;

use auth_service::domain::{
    Allowance, Client, Era, Failures, Horizon, LogId, PreviousEra, Revocation, Rotation, Session, SessionId,
    SigningKeyRecord, Stamp, UserId,
};
use auth_service::store::{AllowanceBound, AllowanceKind, Created, LogPage, Passed, Rotated, TimeBounds};
use chrono::{DateTime, TimeDelta, Utc};
use db::{clock, requests};
use kit::Clock;
use kit::request_id::{Fingerprint, RequestId, RequestKey};
use testkit::{on_both_engines, start};

use crate::support::{Case, event, new_user, session, stamp, stamp_at, wrong};

fn at(second: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(second)
}

/// Returns bounds at the start, with a leeway of five seconds.
fn bounds() -> TimeBounds {
    TimeBounds { now: start(), future: at(5), session: TimeDelta::days(30), idle: TimeDelta::days(7) }
}

async fn look(store: &Case) -> LogPage {
    let mut reader = store.log_reader();
    let page = reader.poll(0).await.unwrap();
    reader.close().await;
    page
}

async fn future_horizon_is_lowered_with_another_era(store: Case) {
    let born = look(&store).await.horizon;
    assert_eq!(store.lower_horizon(at(5), stamp()).await.unwrap(), None);
    store.renew_log(LogId([9; 16]), at(3600)).await.unwrap();
    let wrong = look(&store).await.horizon;
    assert_ne!(wrong.era, born.era);
    let stamp = Stamp { time: at(1), ..stamp() };
    let logged = store.lower_horizon(at(5), stamp).await.unwrap().unwrap();
    let page = look(&store).await;
    assert_eq!(page.horizon, Horizon { until: at(1), era: Era::from_random(stamp.fingerprint.0), before: None });
    let last = page.entries.last().unwrap();
    assert_eq!((last.logged, &last.revocation), (logged, &Revocation::Start), "guards start over");
    for (era, issued) in [(born.era, 0), (wrong.era, 0), (wrong.era, 7200), (Era::default(), 7200)] {
        assert!(page.horizon.kills(at(issued).timestamp(), era));
    }
    assert_eq!(store.lower_horizon(at(5), stamp).await.unwrap(), None, "once");
}

async fn another_era_follows_the_known_one(store: Case) {
    let born = look(&store).await;
    assert!(store.follow_era(born.horizon.era, Era(7), at(5)).await.unwrap());
    assert!(!store.follow_era(born.horizon.era, Era(8), at(5)).await.unwrap(), "another replica was faster");
    let page = look(&store).await;
    let before = Some(PreviousEra { era: born.horizon.era, until: at(5) });
    assert_eq!(page.horizon, Horizon { era: Era(7), before, ..born.horizon });
    assert_eq!(page.entries, born.entries, "there is no new entry");
    // A log that starts again ends all eras.
    assert!(store.begin_log_anew(page.log, LogId([9; 16]), stamp()).await.unwrap().is_some());
    let restarted = look(&store).await.horizon;
    assert!(restarted.before.is_none() && restarted.era != Era(7));
}

async fn future_entries_are_counted_and_cut(store: Case) {
    for second in [0, 4, 3600, 5, 86_400] {
        store.revoke(&Revocation::NewSigningKeys, stamp_at(at(second))).await.unwrap();
    }
    assert!(store.is_pruning_barred(at(5)).await.unwrap());
    assert_eq!(store.pass_log(-1, false, bounds()).await.unwrap(), Passed { repaired: 2, next: Some(5) });
    assert_eq!(store.pass_log(3, false, bounds()).await.unwrap(), Passed { repaired: 1, next: Some(5) });
    assert_eq!(store.pass_log(-1, true, bounds()).await.unwrap().repaired, 2);
    assert_eq!(store.pass_log(5, true, bounds()).await.unwrap(), Passed { repaired: 0, next: None });
    let times: Vec<_> = look(&store).await.entries.iter().map(|entry| entry.time).collect();
    assert_eq!(times, [0, 0, 4, 0, 5, 0].map(at));
    assert!(!store.is_pruning_barred(at(5)).await.unwrap());
}

async fn future_sessions_are_counted_and_cut(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    let later = |session: Session, by: TimeDelta| Session {
        create_time: session.create_time + by,
        expire_time: session.expire_time + by,
        idle_expire_time: session.idle_expire_time + by,
        over_time: session.over_time + by,
        ..session
    };
    let (right, ahead) = (session(10, &ada), later(session(11, &ada), TimeDelta::days(3)));
    for session in [&right, &ahead, &session(12, &ada)] {
        assert!(store.create_session(session, &Client::default(), &event()).await.unwrap());
    }
    let rotated = Rotated {
        salt: vec![1; 32],
        digests: Vec::new(),
        graces: 0,
        time: at(3600),
        idle_expire_time: at(3600) + Duration::from_hours(24 * 7),
        over_time: at(3600) + Duration::from_hours(24 * 7),
    };
    assert!(store.rotate(SessionId::from_u128(12), 0, &rotated, &Client::default()).await.unwrap());
    let last = Some(SessionId::from_u128(12));
    let pass = async |after, repairs| store.pass_sessions(after, repairs, bounds()).await.unwrap();
    assert_eq!(pass(SessionId::NIL, false).await, Passed { repaired: 2, next: last });
    assert_eq!(pass(SessionId::from_u128(11), false).await, Passed { repaired: 1, next: last });
    assert_eq!(pass(SessionId::NIL, true).await, Passed { repaired: 2, next: last });
    assert_eq!(pass(SessionId::NIL, true).await, Passed { repaired: 0, next: last });
    assert_eq!(pass(SessionId::from_u128(12), true).await, Passed { repaired: 0, next: None });
    for listed in store.list_sessions(ada.id, None, 9, start()).await.unwrap() {
        let Session { create_time, expire_time, idle_expire_time, over_time, .. } = listed.session;
        assert_eq!((create_time, expire_time), (right.create_time, right.expire_time));
        assert_eq!((idle_expire_time, over_time), (right.idle_expire_time, right.over_time));
    }
    let refreshable = store.refreshable(SessionId::from_u128(12)).await.unwrap().unwrap();
    assert!(matches!(refreshable.rotation, Rotation { time: Some(time), .. } if time == start()));
}

async fn future_attempts_are_cut(store: Case) {
    let allowance = Allowance { burst: 50, per_minute: 20 };
    for (account, network, second) in [([2; 32], "192.0.2.2", 3600), ([1; 32], "192.0.2.1", 0)] {
        store.add_failure(wrong(&[account], allowance), network, at(second)).await.unwrap();
        store.use_allowance(AllowanceKind::SignUp, network, allowance, at(second)).await.unwrap().unwrap();
    }
    let full = [AllowanceKind::Failure, AllowanceKind::SignUp];
    let full = full.map(|kind| AllowanceBound { kind, full_time: at(600) });
    assert_eq!(store.repair_attempts(bounds(), at(-900), &full).await.unwrap(), 3);
    for (account, last) in [([1; 32], start()), ([2; 32], at(-900))] {
        assert_eq!(store.failures(&account).await.unwrap(), Some(Failures { count: 1, last }));
    }
    for kind in [AllowanceKind::Failure, AllowanceKind::SignUp] {
        assert!(store.allowance(kind, "192.0.2.1").await.unwrap().is_some());
        assert_eq!(store.allowance(kind, "192.0.2.2").await.unwrap(), None);
    }
    assert_eq!(store.repair_attempts(bounds(), at(-900), &full).await.unwrap(), 0);
}

async fn future_requests_are_forgotten_after_a_day(store: Case) {
    let key = RequestKey {
        caller: String::new(),
        method: "CreateUser",
        id: RequestId::from_u128(7),
        fingerprint: Fingerprint::from_fields(&["ada"]),
    };
    let ada = auth_service::domain::NewUser { create_time: at(86_400), ..new_user(1, "ada@example.com") };
    assert!(matches!(store.create_user(&ada, None, Some(&key), &event()).await.unwrap(), Created::User(_)));
    assert_eq!(requests::repair_times(store.db(), bounds().now, bounds().future).await.unwrap(), 1);
    assert!(requests::find::<UserId>(store.db(), &key, at(86_399)).await.unwrap().is_some());
    assert_eq!(requests::find::<UserId>(store.db(), &key, at(86_401)).await.unwrap(), None);
}

async fn future_key_times_are_written_and_reported(store: Case) {
    let key = |number: i32, second| SigningKeyRecord {
        number,
        id: format!("key-{number}"),
        algorithm: "EdDSA".into(),
        public_jwk: format!("{{\"kid\":\"key-{number}\"}}"),
        create_time: start(),
        sign_time: at(second),
        retire_time: None,
        verify_until: None,
    };
    for (number, second) in [(1, 0), (2, 3600)] {
        store.add_signing_key(&key(number, second), None, at(second + 100), stamp(), &event()).await.unwrap().unwrap();
    }
    let before = look(&store).await.head;
    let repaired = [SigningKeyRecord { retire_time: Some(at(9)), verify_until: Some(at(99)), ..key(1, 0) }, key(2, 9)];
    assert!(store.repair_signing_keys(&repaired, stamp()).await.unwrap());
    let keys: Vec<_> = store.signing_keys().await.unwrap().into_iter().map(|row| row.record).collect();
    assert_eq!(keys, repaired);
    let page = look(&store).await;
    assert_eq!((page.head, &page.entries.last().unwrap().revocation), (before + 1, &Revocation::NewSigningKeys));
    let gone = [SigningKeyRecord { id: "key-9".into(), ..key(2, 1) }];
    assert!(!store.repair_signing_keys(&gone, stamp()).await.unwrap(), "the key was replaced");
    assert_eq!(look(&store).await.head, before + 1);
}

async fn clock_is_compared_with_the_databases_time(store: Case) {
    let clock = Clock::system();
    clock::measure(store.db(), &clock).await.unwrap();
    assert!(clock.is_compared() && clock.problem().is_none());
    clock.jump(TimeDelta::hours(1));
    assert!(clock.offset() > TimeDelta::minutes(59));
    clock::measure(store.db(), &clock).await.unwrap();
    assert!(clock.problem().is_some() && clock.offset() > TimeDelta::minutes(59));
    // A later process knows the time too: from the server, or from the anchor of this boot in the file.
    let later = clock.apart();
    clock::measure(store.db(), &later).await.unwrap();
    assert!(later.problem().is_some() && later.offset() > TimeDelta::minutes(59));
    // A command compares its clock in the same way, and stores nothing for a later process.
    let command = clock.apart();
    clock::compare(store.db(), &command).await.unwrap();
    assert!(command.problem().is_some() && command.offset() > TimeDelta::minutes(59));
    later.jump(TimeDelta::hours(-1));
    clock::measure(store.db(), &later).await.unwrap();
    assert_eq!(later.problem(), None);
}

on_both_engines!(crate::support::Case:
    future_horizon_is_lowered_with_another_era,
    another_era_follows_the_known_one,
    future_entries_are_counted_and_cut,
    future_sessions_are_counted_and_cut,
    future_attempts_are_cut,
    future_requests_are_forgotten_after_a_day,
    future_key_times_are_written_and_reported,
    clock_is_compared_with_the_databases_time,
);
