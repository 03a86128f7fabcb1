//! Concurrent refreshes: at most one branch survives. If the sessions end at the same time, no branch survives.

use std::time::Duration;

use auth_service::domain::{Client, NewUser, RefreshDigest, Session, UserState};
use auth_service::store::{AuthStore, Rotated};
use testkit::{on_both_engines, start};
use tokio::task::JoinSet;

use super::at_once;
use crate::support::{Case, event, new_user, session, stamp, starting};

fn rotated(number: u8) -> Rotated {
    let digests = vec![RefreshDigest([number; 32]), RefreshDigest([7; 32])];
    let end = start() + Duration::from_hours(24);
    Rotated { salt: vec![number; 32], digests, graces: 0, time: start(), idle_expire_time: end, over_time: end }
}

/// One of a hundred refreshes at once rotates, and all find its token.
async fn hundred_refreshes_at_once_rotate_once(store: Case) {
    let ada = new_user(1, "ada@example.com");
    let begun = session(10, &ada);
    store.create_user(&ada, Some(starting(&begun)), None, &event()).await.unwrap();
    let id = begun.id;
    let all = at_once(&store, 100, |store, number| async move {
        let number = u8::try_from(number).unwrap();
        let is_ours = store.rotate(id, 0, &rotated(number), &Client::default()).await.unwrap();
        (is_ours.then_some(number), store.refreshable(id).await.unwrap().unwrap().rotation)
    });
    let all = all.await;
    let won: Vec<u8> = all.iter().filter_map(|(won, _)| *won).collect();
    assert_eq!(won.len(), 1);
    for (_, rotation) in all {
        assert_eq!(
            (rotation.generation, rotation.salt, rotation.digests),
            (1, vec![won[0]; 32], rotated(won[0]).digests)
        );
    }
}

/// Rotates the session of each of a hundred users while `other` runs for the same user; checks that no session can be
/// refreshed.
async fn races<F>(store: &AuthStore, other: impl Fn(AuthStore, NewUser) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let user = |round| new_user(round + 1, &format!("user{round}@example.com"));
    let of = |user: &NewUser| session(10_000 + user.id.as_u128(), user);
    let created = at_once(store, 100, |store, round| async move {
        let user = user(round);
        let begun = of(&user);
        store.create_user(&user, Some(starting(&begun)), None, &event()).await.unwrap();
    });
    created.await;
    let mut all = JoinSet::new();
    for user in (0..100).map(user) {
        let (begun, store_of) = (of(&user), store.clone());
        all.spawn(other(store.clone(), user));
        all.spawn(async move {
            store_of.rotate(begun.id, 0, &rotated(1), &Client::default()).await.unwrap();
        });
    }
    all.join_all().await;
    for user in (0..100).map(user) {
        let begun: Session = of(&user);
        // In either order, no token of the session can be refreshed or rotated.
        let found = store.refreshable(begun.id).await.unwrap();
        assert!(found.as_ref().is_none_or(|found| found.is_ended), "{found:?}");
        for generation in 0..2 {
            assert!(!store.rotate(begun.id, generation, &rotated(2), &Client::default()).await.unwrap());
        }
    }
}

async fn no_refresh_survives_a_concurrent_password_change(store: Case) {
    let change = |store: AuthStore, user: NewUser| async move {
        let own = Session { generation: 2, ..session(1000 + user.id.as_u128(), &user) };
        store.change_password(1, "$argon2id$new", &own, &Client::default(), stamp(), &event()).await.unwrap().unwrap();
    };
    races(&store, change).await;
}

async fn no_refresh_survives_the_end_of_all_sessions(store: Case) {
    let end = |store: AuthStore, user: NewUser| async move {
        store.end_all_sessions(user.id, stamp(), &event()).await.unwrap().unwrap();
    };
    races(&store, end).await;
}

async fn no_refresh_survives_a_concurrent_disable(store: Case) {
    let bar = |store: AuthStore, user: NewUser| async move {
        store.set_state(user.id, UserState::Disabled, None, stamp(), &event()).await.unwrap().unwrap();
    };
    races(&store, bar).await;
}

async fn no_refresh_survives_a_concurrent_deletion(store: Case) {
    let delete = |store: AuthStore, user: NewUser| async move {
        store.delete_user(user.id, None, stamp(), "erased", &event()).await.unwrap().unwrap();
    };
    races(&store, delete).await;
}

async fn no_refresh_survives_the_end_of_its_session(store: Case) {
    let end = |store: AuthStore, user: NewUser| async move {
        store.end_session(session(10_000 + user.id.as_u128(), &user).id, stamp(), &event()).await.unwrap();
    };
    races(&store, end).await;
}

on_both_engines!(crate::support::Case:
    hundred_refreshes_at_once_rotate_once,
    no_refresh_survives_a_concurrent_password_change,
    no_refresh_survives_the_end_of_all_sessions,
    no_refresh_survives_a_concurrent_disable,
    no_refresh_survives_a_concurrent_deletion,
    no_refresh_survives_the_end_of_its_session,
);
