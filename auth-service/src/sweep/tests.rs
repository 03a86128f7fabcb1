//! Sweeps after the clock was wrong for a while.

mod api_keys;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use db::clock;
use kit::{Clock, Uptime};
use tempfile::TempDir;
use testkit::{clock, folder, start};

use super::{Repair, Sweeper};
use crate::audit::AuditSource;
use crate::domain::{
    Actor, Allowance, AttemptLimits, AuditKind, Cause, Client, Email, EntryFingerprint, Era, Lifetimes, LogId, Name,
    NewAuditEvent, NewUser, RefreshDigest, Revocation, Roles, Session, SessionId, Stamp, UserId,
};
use crate::repaired::Repaired;
use crate::store::{AccountDigest, AllowanceKind, AuthStore, DatabaseUrl, WrongPassword};
use crate::view::{Bearer, Follower, REVOCATION_RETENTION, View};

const LEEWAY: TimeDelta = TimeDelta::seconds(5);

const DAY: std::time::Duration = std::time::Duration::from_hours(24);

/// Service without a wire, on a database in a file.
struct SweepFixture {
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

impl SweepFixture {
    /// Starts on the database of an earlier process.
    async fn open(folder: TempDir, clock: Clock) -> Self {
        let store = AuthStore::open(&DatabaseUrl::Sqlite(folder.path().join("auth.db"))).await.unwrap();
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

    /// Ends the process and starts another one, with the clock moved by `off`.
    async fn restart(self, off: TimeDelta) -> Self {
        let Self { folder, repair, follower, .. } = self;
        drop(follower);
        let Repair { store, clock, .. } = repair;
        store.close().await;
        // The last clone of the store holds the file's lock.
        drop(store);
        clock.jump(off);
        Self::open(folder, clock).await
    }

    fn store(&self) -> &AuthStore {
        &self.repair.store
    }

    fn now(&self) -> DateTime<Utc> {
        self.repair.clock.now()
    }

    async fn sweep(&mut self) {
        self.sweeper.sweep_once(&self.repair).await.unwrap();
        self.follower.load().await.unwrap();
    }

    /// Advances the machine's clock and its boot clock.
    fn pass(&self, time: TimeDelta) {
        self.repair.clock.advance(time.to_std().unwrap());
    }

    /// Returns the cause if Ada's token of this session, time of issue and era is dead.
    fn is_dead(&self, session: u128, issued: DateTime<Utc>, era: Era) -> Option<Cause> {
        let bearer = Bearer {
            user: UserId::from_u128(1),
            session: SessionId::from_u128(session),
            generation: 1,
            key: "kid",
            issued: issued.timestamp(),
            era,
        };
        self.repair.view.check_revocation(bearer).unwrap().dead
    }

    fn era(&self) -> Era {
        self.repair.view.horizon().era
    }

    fn event(&self) -> NewAuditEvent {
        AuditSource::new(self.repair.clock.clone()).event(AuditKind::LoggedOut, Actor::System)
    }

    fn wrong(&self, accounts: &[AccountDigest]) -> WrongPassword {
        let (failed, locked) = (self.event(), self.event());
        WrongPassword { accounts: accounts.to_vec(), claimed: None, limits: limits(), failed, locked: Some(locked) }
    }

    async fn ada(&self) {
        let ada = NewUser {
            id: UserId::from_u128(1),
            name: Name::parse("Ada").unwrap(),
            email: Email::parse("ada@example.com").unwrap(),
            password_hash: "$argon2id$".into(),
            roles: Roles::default(),
            create_time: self.now(),
        };
        self.store().create_user(&ada, None, None, &self.event()).await.unwrap();
    }

    /// Logs Ada in. Returns the session, and the time of issue and the era of its token.
    async fn log_in(&self, session: u128) -> (u128, DateTime<Utc>, Era) {
        let now = self.now();
        let begun = Session {
            id: SessionId::from_u128(session),
            user_id: UserId::from_u128(1),
            generation: 1,
            create_time: now,
            expire_time: now + DAY * 30,
            refresh_digest: Some(RefreshDigest([7; 32])),
            idle_expire_time: now + DAY * 7,
            over_time: now + DAY * 7,
        };
        assert!(self.store().create_session(&begun, &Client::default(), &self.event()).await.unwrap());
        (session, now, self.era())
    }

    async fn log_out(&mut self, session: u128) {
        self.store().end_session(SessionId::from_u128(session), stamp_at(self.now()), &self.event()).await.unwrap();
        self.follower.load().await.unwrap();
    }

    async fn sessions(&self) -> usize {
        let listed = self.store().list_sessions(UserId::from_u128(1), None, 1000, DateTime::UNIX_EPOCH).await;
        listed.unwrap().len()
    }

    /// Returns the revisions of the log with their times.
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
    let mut fixture = SweepFixture::start().await;
    fixture.ada().await;
    for session in 10..33 {
        fixture.log_in(session).await;
    }
    // After an hour the clock is trusted.
    fixture.pass(TimeDelta::hours(1));
    fixture.sweep().await;
    // The same in the running process, and in a process that starts under the wrong clock.
    fixture.repair.clock.jump(TimeDelta::days(8));
    fixture.sweep().await;
    assert_eq!(fixture.sessions().await, 23);
    let mut fixture = fixture.restart(TimeDelta::zero()).await;
    fixture.pass(TimeDelta::seconds(75));
    fixture.sweep().await;
    assert_eq!(fixture.sessions().await, 23);
    let mut fixture = fixture.restart(TimeDelta::days(-8)).await;
    fixture.sweep().await;
    assert_eq!(fixture.sessions().await, 23);
    // A session that has really ended is swept.
    fixture.pass(TimeDelta::days(8));
    fixture.sweep().await;
    assert_eq!(fixture.sessions().await, 0);
}

#[tokio::test]
async fn future_horizon_is_lowered_at_start() {
    let mut fixture = SweepFixture::start().await;
    fixture.ada().await;
    let before = fixture.log_in(10).await;
    let ahead = {
        let at = fixture.now() + TimeDelta::hours(72);
        // An earlier version wrote this horizon, without an era.
        fixture.store().renew_log(LogId([9; 16]), at).await.unwrap();
        fixture.restart(TimeDelta::zero()).await
    };
    let now = ahead.now();
    assert_eq!(ahead.repair.view.horizon().until, now);
    assert!(ahead.is_dead(before.0, before.1, before.2).is_some(), "earlier tokens stay dead");
    ahead.pass(TimeDelta::seconds(1));
    let token = ahead.log_in(11).await;
    assert_eq!(ahead.is_dead(token.0, token.1, token.2), None);
    assert_eq!(ahead.repair.count.count(), 1);
    fixture = ahead.restart(TimeDelta::zero()).await;
    assert_eq!((fixture.repair.view.horizon().until, fixture.repair.count.count()), (now, 0), "once");
    assert_eq!(fixture.is_dead(token.0, token.1, token.2), None);
}

#[tokio::test]
async fn token_revoked_under_a_wrong_clock_stays_dead() {
    for jump in [TimeDelta::hours(1), TimeDelta::hours(72), TimeDelta::days(30)] {
        let fixture = SweepFixture::start().await;
        fixture.ada().await;
        let live = fixture.log_in(9).await;
        let mut fixture = fixture.restart(jump).await;
        let ended = fixture.log_in(10).await;
        let open = fixture.log_in(11).await;
        fixture.log_out(10).await;
        assert_eq!(fixture.is_dead(ended.0, ended.1, ended.2), Some(Cause::Ended));
        let mut fixture = fixture.restart(-jump).await;
        fixture.sweep().await;
        assert!(
            fixture.log().await.iter().all(|(_, time)| *time <= fixture.now()),
            "the entry has the time of the repair"
        );
        assert_eq!(fixture.is_dead(live.0, live.1, live.2), None, "a token of the right time stays valid");
        assert!(fixture.is_dead(open.0, open.1, open.2).is_some(), "a token of the future is never valid");
        // The entry is pruned, and the token's time of issue passes.
        fixture.pass(jump.max(REVOCATION_RETENTION + TimeDelta::hours(1)));
        fixture.log_out(99).await;
        fixture.sweep().await;
        assert_eq!(fixture.log().await.len(), 1);
        assert!(fixture.is_dead(ended.0, ended.1, ended.2).is_some(), "{jump}");
        let token = fixture.log_in(12).await;
        assert_eq!(fixture.is_dead(token.0, token.1, token.2), None);
    }
}

#[tokio::test]
async fn entry_dated_next_year_stops_no_pruning() {
    let mut fixture = SweepFixture::start().await;
    let year = fixture.now() + TimeDelta::days(365);
    fixture.store().revoke(&Revocation::Session(SessionId::from_u128(1)), stamp_at(year)).await.unwrap();
    fixture.store().revoke(&Revocation::Session(SessionId::from_u128(2)), stamp_at(fixture.now())).await.unwrap();
    fixture.follower.load().await.unwrap();
    fixture.sweep().await;
    assert_eq!(fixture.log().await[1], (1, start()), "the entry gets the time of the sweep");
    fixture.pass(REVOCATION_RETENTION + TimeDelta::minutes(1));
    fixture.store().revoke(&Revocation::NewSigningKeys, stamp_at(fixture.now())).await.unwrap();
    fixture.follower.load().await.unwrap();
    fixture.sweep().await;
    assert_eq!(fixture.log().await.iter().map(|(revision, _)| *revision).collect::<Vec<_>>(), [3]);
    assert!(fixture.repair.view.horizon().until <= fixture.now());
}

#[tokio::test]
async fn sessions_of_a_wrong_clock_get_normal_expiry() {
    let fixture = SweepFixture::start().await;
    fixture.ada().await;
    fixture.log_in(9).await;
    let fixture = fixture.restart(TimeDelta::days(40)).await;
    fixture.log_in(10).await;
    let mut fixture = fixture.restart(TimeDelta::days(-40)).await;
    fixture.sweep().await;
    let now = fixture.now();
    let listed = fixture.store().list_sessions(UserId::from_u128(1), None, 9, now).await.unwrap();
    let times: Vec<_> = listed.iter().map(|listed| &listed.session).collect();
    for session in times {
        assert_eq!((session.create_time, session.expire_time), (now, now + DAY * 30));
        assert_eq!((session.idle_expire_time, session.over_time), (now + DAY * 7, now + DAY * 7));
    }
    assert_eq!((listed.len(), fixture.repair.count.count()), (2, 1));
}

#[tokio::test]
async fn attempts_of_a_wrong_clock_block_no_caller() {
    let fixture = SweepFixture::start().await;
    let fixture = fixture.restart(TimeDelta::hours(1)).await;
    for _ in 0..5 {
        fixture.store().add_failure(fixture.wrong(&[[7; 32]]), "192.0.2.7", fixture.now()).await.unwrap();
    }
    fixture
        .store()
        .use_allowance(AllowanceKind::SignUp, "192.0.2.7", limits().sign_ups, fixture.now())
        .await
        .unwrap()
        .unwrap();
    let mut fixture = fixture.restart(TimeDelta::hours(-1)).await;
    fixture.sweep().await;
    let failures = fixture.store().failures(&[7; 32]).await.unwrap().unwrap();
    assert_eq!((failures.count, failures.last), (5, fixture.now() - limits().max_delay));
    assert_eq!(limits().wait(failures, fixture.now()), None, "blocks no caller, as before the sweep");
    for kind in [AllowanceKind::Failure, AllowanceKind::SignUp] {
        assert_eq!(fixture.store().allowance(kind, "192.0.2.7").await.unwrap(), None);
    }
}

#[tokio::test]
async fn allowances_of_a_fast_clock_block_no_caller() {
    let fixture = SweepFixture::start().await;
    let allowance = limits().failures;
    fixture.store().add_failure(fixture.wrong(&[]), "192.0.2.7", fixture.now()).await.unwrap();
    let mut fixture = fixture.restart(TimeDelta::minutes(-8)).await;
    let full = fixture.store().allowance(AllowanceKind::Failure, "192.0.2.7").await.unwrap().unwrap();
    assert!(allowance.wait(full, fixture.now()) > Some(TimeDelta::minutes(5)));
    fixture.sweep().await;
    assert_eq!(fixture.store().allowance(AllowanceKind::Failure, "192.0.2.7").await.unwrap(), None);
}

#[tokio::test]
async fn unset_clock_repairs_nothing() {
    let fixture = SweepFixture::start().await;
    fixture.ada().await;
    fixture.log_in(10).await;
    let before = fixture.store().list_sessions(UserId::from_u128(1), None, 9, start()).await.unwrap();
    // A machine without a battery starts in 1970.
    let back = TimeDelta::seconds(-start().timestamp());
    let mut fixture = fixture.restart(back).await;
    fixture.sweep().await;
    let fixture = fixture.restart(-back).await;
    assert_eq!(fixture.store().list_sessions(UserId::from_u128(1), None, 9, start()).await.unwrap(), before);
}
