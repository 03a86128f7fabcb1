//! A view with its follower, as in a replica.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use auth_service::domain::{
    Actor, AuditEventId, AuditKind, Cause, EntryFingerprint, NewAuditEvent, SessionId, Stamp, UserId,
};
use auth_service::store::AuthStore;
use auth_service::view::{Bearer, Follower, StaleView, View};
use kit::shutdown::Shutdown;
use kit::{Clock, Uptime};
use testkit::{clock, start};
use tokio::task::JoinHandle;
use tokio_util::sync::DropGuard;

use crate::opens::Opens;

pub(crate) type Case = testkit::StoreCase<Opens>;

pub(crate) const ADA: UserId = UserId::from_u128(1);
pub(crate) const LAPTOP: SessionId = SessionId::from_u128(10);

pub(crate) struct Replica {
    pub(crate) view: Arc<View>,
    pub(crate) uptime: Uptime,
    pub(crate) clock: Clock,
    /// Number of reads of the signing keys.
    pub(crate) keys: Arc<AtomicUsize>,
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Replica {
    /// Starts a replica with a complete view.
    pub(crate) async fn start(store: &AuthStore) -> Self {
        Self::with_clock(store, clock()).await
    }

    /// Starts a replica with this clock.
    pub(crate) async fn with_clock(store: &AuthStore, clock: Clock) -> Self {
        let (uptime, keys) = (Uptime::manual(), Arc::new(AtomicUsize::new(0)));
        let view = Arc::new(View::new(uptime.clone()));
        assert_eq!(view.position(), Err(StaleView), "the position is unknown at the start");
        let count = Arc::clone(&keys);
        let read_keys = Box::new(move || {
            count.fetch_add(1, SeqCst);
            Box::pin(async { Ok(()) }) as _
        });
        let mut follower = Follower::new(Arc::clone(&view), store.clone(), clock.clone(), read_keys);
        follower.load().await.unwrap();
        let stop = Shutdown::new();
        let task = tokio::spawn(follower.follow(stop.clone()));
        Self { view, uptime, clock, keys, stop: stop.drop_guard(), task }
    }

    /// Stops polling; the view stays as it is.
    pub(crate) async fn stop(self) -> (Arc<View>, Uptime) {
        drop(self.stop);
        self.task.await.unwrap();
        (self.view, self.uptime)
    }

    /// Returns the cause of revocation of a token of Ada's laptop that was issued this many seconds after the start.
    pub(crate) fn check_revocation(&self, second: i64) -> Option<Cause> {
        check_revocation(&self.view, second).unwrap()
    }
}

pub(crate) fn check_revocation(view: &View, second: i64) -> Result<Option<Cause>, StaleView> {
    let issued = start().timestamp() + second;
    let bearer = Bearer { user: ADA, session: LAPTOP, generation: 1, key: "kid", issued, era: view.horizon().era };
    view.check_revocation(bearer).map(|check| check.dead)
}

pub(crate) fn stamp() -> Stamp {
    Stamp { fingerprint: EntryFingerprint(kit::random::bytes()), time: start() }
}

/// Returns an event for a change whose event does not matter.
pub(crate) fn event() -> NewAuditEvent {
    let id = AuditEventId::from_u128(u128::from_be_bytes(kit::random::bytes()));
    NewAuditEvent::new(id, start(), AuditKind::LoggedOut, Actor::System.into())
}
