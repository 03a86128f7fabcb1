//! A clock that was wrong for a while, and what a sweep makes of what was written meanwhile.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use db::clock;
use kit::{Clock, Uptime};
use tempfile::TempDir;
use testkit::{clock, folder, start};
use uuid::Uuid;

use super::{Repair, Sweeper};
use crate::domain::{
    Allowance, AttemptLimits, Cause, Client, Email, EntryFingerprint, Era, Lifetimes, LogId, Name, NewUser,
    RefreshDigest, Revocation, Roles, Session, Stamp,
};
use crate::repaired::Repaired;
use crate::store::{AllowanceKind, DatabaseUrl, Store};
use crate::view::{Bearer, Follower, REVOCATION_RETENTION, View};

const LEEWAY: TimeDelta = TimeDelta::seconds(5);

const DAY: std::time::Duration = std::time::Duration::from_hours(24);

/// A service's database in a file, and what is left of the service without a wire.
struct World {
    folder: TempDir,
    repair: Repair,
    follower: Follower,
    sweeper: Sweeper,
}

fn limits() -> AttemptLimits {
    let allowance = Allowance { burst: 50, per_minute: 20 };
    AttemptLimits {
        free_failures: 4,
        max_delay: TimeDelta::minutes(15),
        lock_after: 100,
        failures: allowance,
        sign_ups: allowance,
        leeway: LEEWAY,
    }
}

impl World {
    /// Starts on what an earlier process has left.
    async fn open(folder: TempDir, clock: Clock) -> Self {
        let store = Store::open(&DatabaseUrl::Sqlite(folder.path().join("auth.db"))).await.unwrap();
        let clock = clock.apart();
        clock::measure(store.db(), &clock).await.unwrap();
        store.begin_log(LogId([1; 16]), stamp_at(clock.now())).await.unwrap();
        let view = Arc::new(View::new(Uptime::system()));
        let read_keys = Box::new(|| Box::pin(async { Ok(()) }) as _);
        let mut follower = Follower::new(Arc::clone(&view), store.clone(), clock.clone(), read_keys);
        follower.load().await.unwrap();
        let lifetimes = Lifetimes { access: DAY, idle: DAY * 7, session: DAY * 30 };
        let (limits, count) = (limits(), Repaired::default());
        let repair = Repair { store, view, clock, leeway: LEEWAY, lifetimes, limits, count };
        if repair.horizon().await.unwrap() {
            follower.load().await.unwrap();
        }
        Self { folder, repair, follower, sweeper: Sweeper::default() }
    }

    async fn start() -> Self {
        Self::open(folder(), clock()).await
    }

    /// Ends the process and starts another one, whose clock is off by this much more.
    async fn restart(self, off: TimeDelta) -> Self {
        let Self { folder, repair, follower, .. } = self;
        drop(follower);
        let Repair { store, clock, .. } = repair;
        store.close().await;
        // The file's lock goes with the last of it.
        drop(store);
        clock.jump(off);
        Self::open(folder, clock).await
    }

    fn store(&self) -> &Store {
        &self.repair.store
    }

    fn now(&self) -> DateTime<Utc> {
        self.repair.clock.now()
    }

    async fn sweep(&mut self) {
        self.sweeper.sweep_once(&self.repair).await.unwrap();
        self.follower.load().await.unwrap();
    }

    /// Lets so much time pass, the machine's clock and its boot clock alike.
    fn pass(&self, time: TimeDelta) {
        self.repair.clock.advance(time.to_std().unwrap());
    }

    /// Returns true if a token of Ada's is dead that was issued then, in this era.
    fn is_dead(&self, session: u128, issued: DateTime<Utc>, era: Era) -> Option<Cause> {
        let bearer = Bearer {
            user: Uuid::from_u128(1),
            session: Uuid::from_u128(session),
            generation: 1,
            key: "kid",
            issued: issued.timestamp(),
            era,
        };
        self.repair.view.judge(bearer).unwrap().dead
    }

    fn era(&self) -> Era {
        self.repair.view.horizon().era
    }

    async fn ada(&self) {
        let ada = NewUser {
            id: Uuid::from_u128(1),
            name: Name::parse("Ada").unwrap(),
            email: Email::parse("ada@example.com").unwrap(),
            password_hash: "$argon2id$".into(),
            roles: Roles::default(),
            create_time: self.now(),
        };
        self.store().create_user(&ada, None, None).await.unwrap();
    }

    /// Ada logs in: a session and a token of now.
    async fn log_in(&self, session: u128) -> (u128, DateTime<Utc>, Era) {
        let now = self.now();
        let begun = Session {
            id: Uuid::from_u128(session),
            user_id: Uuid::from_u128(1),
            generation: 1,
            create_time: now,
            expire_time: now + DAY * 30,
            refresh_digest: Some(RefreshDigest([7; 32])),
            idle_expire_time: now + DAY * 7,
            over_time: now + DAY * 7,
        };
        assert!(self.store().create_session(&begun, &Client::default()).await.unwrap());
        (session, now, self.era())
    }

    async fn log_out(&mut self, session: u128) {
        self.store().end_session(Uuid::from_u128(session), stamp_at(self.now())).await.unwrap();
        self.follower.load().await.unwrap();
    }

    async fn sessions(&self) -> usize {
        let listed = self.store().list_sessions(Uuid::from_u128(1), None, 1000, DateTime::UNIX_EPOCH).await;
        listed.unwrap().len()
    }

    /// The revisions of the log, and the time of each.
    async fn log(&self) -> Vec<(i64, DateTime<Utc>)> {
        let mut reader = self.store().log_reader();
        let page = reader.poll(0).await.unwrap();
        reader.close().await;
        page.entries.iter().map(|entry| (entry.logged.revision, entry.time)).collect()
    }
}

fn stamp_at(time: DateTime<Utc>) -> Stamp {
    Stamp { fingerprint: EntryFingerprint(kit::random::bytes()), time }
}

#[tokio::test]
async fn clock_ahead_for_a_minute_deletes_no_session() {
    let mut world = World::start().await;
    world.ada().await;
    for session in 10..33 {
        world.log_in(session).await;
    }
    // It has run for an hour: nothing is unsettled.
    world.pass(TimeDelta::hours(1));
    world.sweep().await;
    // By the running process, and by one that starts meanwhile.
    world.repair.clock.jump(TimeDelta::days(8));
    world.sweep().await;
    assert_eq!(world.sessions().await, 23);
    let mut world = world.restart(TimeDelta::zero()).await;
    world.pass(TimeDelta::seconds(75));
    world.sweep().await;
    assert_eq!(world.sessions().await, 23);
    let mut world = world.restart(TimeDelta::days(-8)).await;
    world.sweep().await;
    assert_eq!(world.sessions().await, 23);
    // A row that is really over is swept.
    world.pass(TimeDelta::days(8));
    world.sweep().await;
    assert_eq!(world.sessions().await, 0);
}

#[tokio::test]
async fn horizon_that_has_not_come_is_lowered_at_the_start() {
    let mut world = World::start().await;
    world.ada().await;
    let before = world.log_in(10).await;
    let ahead = {
        let at = world.now() + TimeDelta::hours(72);
        // As an earlier version has written it, without an era.
        world.store().renew_log(LogId([9; 16]), at).await.unwrap();
        world.restart(TimeDelta::zero()).await
    };
    let now = ahead.now();
    assert_eq!(ahead.repair.view.horizon().until, now);
    assert!(ahead.is_dead(before.0, before.1, before.2).is_some(), "what was issued until then stays dead");
    ahead.pass(TimeDelta::seconds(1));
    let token = ahead.log_in(11).await;
    assert_eq!(ahead.is_dead(token.0, token.1, token.2), None);
    assert_eq!(ahead.repair.count.count(), 1);
    world = ahead.restart(TimeDelta::zero()).await;
    assert_eq!((world.repair.view.horizon().until, world.repair.count.count()), (now, 0), "once");
    assert_eq!(world.is_dead(token.0, token.1, token.2), None);
}

#[tokio::test]
async fn token_revoked_under_a_wrong_clock_stays_dead() {
    for jump in [TimeDelta::hours(1), TimeDelta::hours(72), TimeDelta::days(30)] {
        let world = World::start().await;
        world.ada().await;
        let live = world.log_in(9).await;
        let mut world = world.restart(jump).await;
        let ended = world.log_in(10).await;
        let open = world.log_in(11).await;
        world.log_out(10).await;
        assert_eq!(world.is_dead(ended.0, ended.1, ended.2), Some(Cause::Ended));
        let mut world = world.restart(-jump).await;
        world.sweep().await;
        assert!(world.log().await.iter().all(|(_, time)| *time <= world.now()), "the entry is of now");
        assert_eq!(world.is_dead(live.0, live.1, live.2), None, "a token of the right time is good");
        assert!(world.is_dead(open.0, open.1, open.2).is_some(), "one of a time to come never is");
        // Its entry is pruned, and its time comes.
        world.pass(jump.max(REVOCATION_RETENTION + TimeDelta::hours(1)));
        world.log_out(99).await;
        world.sweep().await;
        assert_eq!(world.log().await.len(), 1);
        assert!(world.is_dead(ended.0, ended.1, ended.2).is_some(), "{jump}");
        let token = world.log_in(12).await;
        assert_eq!(world.is_dead(token.0, token.1, token.2), None);
    }
}

#[tokio::test]
async fn entry_dated_next_year_stops_no_pruning() {
    let mut world = World::start().await;
    let year = world.now() + TimeDelta::days(365);
    world.store().revoke(&Revocation::Session(Uuid::from_u128(1)), stamp_at(year)).await.unwrap();
    world.store().revoke(&Revocation::Session(Uuid::from_u128(2)), stamp_at(world.now())).await.unwrap();
    world.follower.load().await.unwrap();
    world.sweep().await;
    assert_eq!(world.log().await[1], (1, start()), "it gets the time of the sweep");
    world.pass(REVOCATION_RETENTION + TimeDelta::minutes(1));
    world.store().revoke(&Revocation::NewSigningKeys, stamp_at(world.now())).await.unwrap();
    world.follower.load().await.unwrap();
    world.sweep().await;
    assert_eq!(world.log().await.iter().map(|(revision, _)| *revision).collect::<Vec<_>>(), [3]);
    assert!(world.repair.view.horizon().until <= world.now());
}

#[tokio::test]
async fn sessions_of_a_wrong_clock_end_when_those_of_now_do() {
    let world = World::start().await;
    world.ada().await;
    world.log_in(9).await;
    let world = world.restart(TimeDelta::days(40)).await;
    world.log_in(10).await;
    let mut world = world.restart(TimeDelta::days(-40)).await;
    world.sweep().await;
    let now = world.now();
    let listed = world.store().list_sessions(Uuid::from_u128(1), None, 9, now).await.unwrap();
    let times: Vec<_> = listed.iter().map(|listed| &listed.session).collect();
    for session in times {
        assert_eq!((session.create_time, session.expire_time), (now, now + DAY * 30));
        assert_eq!((session.idle_expire_time, session.over_time), (now + DAY * 7, now + DAY * 7));
    }
    assert_eq!((listed.len(), world.repair.count.count()), (2, 1));
}

#[tokio::test]
async fn attempts_of_a_wrong_clock_bar_nobody() {
    let world = World::start().await;
    let world = world.restart(TimeDelta::hours(1)).await;
    for _ in 0..5 {
        let allowance = limits().failures;
        world.store().add_failure(&[[7; 32]], "192.0.2.7", allowance, world.now()).await.unwrap();
    }
    world
        .store()
        .use_allowance(AllowanceKind::SignUp, "192.0.2.7", limits().sign_ups, world.now())
        .await
        .unwrap()
        .unwrap();
    let mut world = world.restart(TimeDelta::hours(-1)).await;
    world.sweep().await;
    let failures = world.store().failures(&[7; 32]).await.unwrap().unwrap();
    assert_eq!((failures.count, failures.last), (5, world.now() - limits().max_delay));
    assert_eq!(limits().wait(failures, world.now()), None, "and bars no caller, as before the sweep");
    for kind in [AllowanceKind::Failure, AllowanceKind::SignUp] {
        assert_eq!(world.store().allowance(kind, "192.0.2.7").await.unwrap(), None);
    }
}

#[tokio::test]
async fn allowances_of_a_clock_that_was_minutes_ahead_bar_nobody() {
    let world = World::start().await;
    let allowance = limits().failures;
    world.store().add_failure(&[], "192.0.2.7", allowance, world.now()).await.unwrap();
    let mut world = world.restart(TimeDelta::minutes(-8)).await;
    let full = world.store().allowance(AllowanceKind::Failure, "192.0.2.7").await.unwrap().unwrap();
    assert!(allowance.wait(full, world.now()) > Some(TimeDelta::minutes(5)));
    world.sweep().await;
    assert_eq!(world.store().allowance(AllowanceKind::Failure, "192.0.2.7").await.unwrap(), None);
}

#[tokio::test]
async fn clock_that_has_not_been_set_repairs_nothing() {
    let world = World::start().await;
    world.ada().await;
    world.log_in(10).await;
    let before = world.store().list_sessions(Uuid::from_u128(1), None, 9, start()).await.unwrap();
    // As a machine without a battery begins: in 1970.
    let back = TimeDelta::seconds(-start().timestamp());
    let mut world = world.restart(back).await;
    world.sweep().await;
    let world = world.restart(-back).await;
    assert_eq!(world.store().list_sessions(Uuid::from_u128(1), None, 9, start()).await.unwrap(), before);
}
