//! A replica that freezes in the middle of a revocation delays no other replica: no transaction waits for its client
//! while it holds the lock of the log's end.

use std::pin::Pin;

use auth_service::domain::{Client, LogId, Roles, Session, UserState};
use auth_service::store::{AuthStore, DatabaseUrl};
use chrono::TimeDelta;
use db::health;
use sqlx::{Connection as _, PgConnection};
use testkit::postgres::{PostgresServer, server};
use testkit::proxy::Proxy;
use testkit::start;

use crate::support::{another_admin, event, new_user, session, stamp, stamp_at, starting};

/// A frozen replica's work, with its own user and session.
type Work = fn(AuthStore, u128) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Each write that appends to the log, or writes to the row of its end.
const WORKS: [(&str, Work); 8] = [
    ("logout", |store, id| {
        Box::pin(async move { drop(store.end_session(session_of(id).id, stamp(), &event()).await) })
    }),
    ("revoke session", |store, id| {
        Box::pin(async move { drop(store.revoke_session(session_of(id).id, None, stamp(), &event()).await) })
    }),
    ("revoke all sessions", |store, id| {
        Box::pin(async move { drop(store.end_all_sessions(session_of(id).user_id, stamp(), &event()).await) })
    }),
    ("change password", |store, id| {
        Box::pin(async move {
            let own = Session { generation: 2, ..session(20_000 + id, &new_user(id, "ada@example.com")) };
            drop(store.change_password(1, "$argon2id$new", &own, &Client::default(), stamp(), &event()).await);
        })
    }),
    ("take a role away", |store, id| {
        Box::pin(async move {
            drop(store.set_roles(session_of(id).user_id, &Roles::default(), None, stamp(), &event()).await);
        })
    }),
    ("disable", |store, id| {
        Box::pin(async move {
            drop(store.set_state(session_of(id).user_id, UserState::Disabled, None, stamp(), &event()).await);
        })
    }),
    ("delete", |store, id| {
        Box::pin(
            async move { drop(store.delete_user(session_of(id).user_id, None, stamp(), "erased", &event()).await) },
        )
    }),
    ("prune the log", |store, _| Box::pin(async move { drop(store.prune_log(start() + TimeDelta::hours(1)).await) })),
];

fn session_of(id: u128) -> Session {
    session(10_000 + id, &new_user(id, "ada@example.com"))
}

async fn open(url: &str) -> AuthStore {
    AuthStore::open(&url.parse::<DatabaseUrl>().unwrap()).await.unwrap()
}

/// Number of checks for a lock. A frozen replica's lock would stay for half a second, the time that a transaction may
/// be idle.
const LOCK_CHECKS: usize = 100;

/// Returns `true` if a transaction has written to the end of the log and waits for its client.
async fn is_head_held(server: &mut PgConnection) -> bool {
    const SQL: &str = "select exists (select 1 from pg_locks l join pg_stat_activity a on a.pid = l.pid \
         where l.relation = 'log_head'::regclass and l.mode = 'RowExclusiveLock' and a.state like 'idle in transaction%')";
    for _ in 0..LOCK_CHECKS {
        if sqlx::query_scalar::<_, bool>(SQL).fetch_one(&mut *server).await.unwrap() {
            return true;
        }
    }
    false
}

/// A replica behind a proxy, another replica without one, and the server itself.
struct World {
    proxy: Proxy,
    frozen: AuthStore,
    other: AuthStore,
    outside: PgConnection,
    _server: PostgresServer,
}

impl World {
    async fn new() -> Option<Self> {
        let server = server().await?;
        let proxy = Proxy::to_socket(server.socket());
        let other = open(&server.url("postgres")).await;
        other.begin_log(LogId([1; 16]), stamp()).await.unwrap();
        other.create_user(&another_admin(), None, None, &event()).await.unwrap();
        let frozen = open(&server.url_at(proxy.address(), "postgres")).await;
        let outside = PgConnection::connect(&server.url("postgres")).await.unwrap();
        Some(Self { proxy, frozen, other, outside, _server: server })
    }

    /// Freezes the replica after this many requests of the work. Returns `false` if the work ended before.
    async fn freeze(&mut self, name: &str, work: Work, id: u128, requests: usize) -> bool {
        let user = new_user(id, &format!("user{id}@example.com"));
        let user = auth_service::domain::NewUser { roles: Roles::from_text("editor"), ..user };
        self.other.create_user(&user, Some(starting(&session_of(id))), None, &event()).await.unwrap();
        self.other.revoke(&auth_service::domain::Revocation::NewSigningKeys, stamp_at(start())).await.unwrap();
        // Connections that were cut are replaced.
        while health::touch(self.frozen.db(), [0; 16]).await.is_err() || health::look(self.frozen.db()).await.is_err() {
        }
        self.proxy.freeze_after(requests);
        let mut working = tokio::spawn(work(self.frozen.clone(), id));
        let is_frozen = tokio::select! {
            () = self.proxy.fired() => true,
            _ = &mut working => false,
        };
        if is_frozen {
            assert!(
                !is_head_held(&mut self.outside).await,
                "{name}: the log's end is locked after {requests} requests"
            );
            self.other.end_session(session(4_000, &another_admin()).id, stamp(), &event()).await.unwrap();
        }
        working.abort();
        if is_frozen {
            self.proxy.cut();
        }
        self.proxy.pass();
        is_frozen
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_replica_never_holds_the_end_of_the_log() {
    let Some(mut world) = World::new().await else { return };
    let mut id = 0;
    for (name, work) in WORKS {
        let mut requests = 1;
        loop {
            id += 1;
            if !world.freeze(name, work, id, requests).await {
                break;
            }
            requests += 1;
        }
        assert!(requests > 1, "{name} asks the server");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn login_and_logout_write_in_one_round_trip() {
    let Some(world) = World::new().await else { return };
    let ada = new_user(1, "ada@example.com");
    world.other.create_user(&ada, None, None, &event()).await.unwrap();
    // The first one connects, and prepares the statement.
    for (id, expected) in [(10, None), (11, Some(1))] {
        let before = world.proxy.requests();
        assert!(world.frozen.create_session(&session(id, &ada), &Client::default(), &event()).await.unwrap());
        assert_eq!(expected.unwrap_or(world.proxy.requests() - before), world.proxy.requests() - before, "login {id}");
    }
    let before = world.proxy.requests();
    world.frozen.end_session(session(10, &ada).id, stamp(), &event()).await.unwrap();
    assert_eq!(world.proxy.requests() - before, 1);
}
