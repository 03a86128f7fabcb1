//! Logins at the same time as the end of all sessions: in either order, no session of an old generation survives.

use auth_service::domain::{Client, NewUser, Session, SessionId, UserId, UserState};
use auth_service::store::AuthStore;
use testkit::{on_both_engines, start};
use tokio::task::JoinSet;

use super::at_once;
use crate::support::{Case, event, lives, new_user, session, stamp, starting};

/// Number of runs of each race.
const ROUNDS: u128 = 100;

/// The result of a login.
#[derive(Debug)]
struct Login {
    user_id: UserId,
    id: SessionId,
    /// The generation read together with the hash.
    generation: i32,
    begun: bool,
}

/// Logs in each of a hundred users while `other` runs for the same user.
async fn races<F>(store: &AuthStore, other: impl Fn(AuthStore, NewUser) -> F) -> Vec<Login>
where
    F: Future<Output = ()> + Send + 'static,
{
    let user = |round| new_user(round + 1, &format!("user{round}@example.com"));
    let created = at_once(store, ROUNDS, |store, round| async move {
        store.create_user(&user(round), None, None, &event()).await.unwrap();
    });
    created.await;
    let (mut logins, mut others) = (JoinSet::new(), JoinSet::new());
    for user in (0..ROUNDS).map(user) {
        others.spawn(other(store.clone(), user.clone()));
        logins.spawn(login(store.clone(), user));
    }
    others.join_all().await;
    logins.join_all().await.into_iter().flatten().collect()
}

/// Logs in; `None` if the user is gone.
async fn login(store: AuthStore, user: NewUser) -> Option<Login> {
    let generation = store.credentials(user.email.key()).await.unwrap()?.user.generation;
    let session = Session { generation, ..session(10_000 + user.id.as_u128(), &user) };
    let begun = store.create_session(&session, &Client::default(), &event()).await.unwrap();
    Some(Login { user_id: user.id, id: session.id, generation, begun })
}

async fn no_login_survives_a_concurrent_password_change(store: Case) {
    let logins = races(&store, |store, user| async move {
        let own = Session { generation: 2, ..session(1000 + user.id.as_u128(), &user) };
        let changed =
            store.change_password(1, "$argon2id$new", &own, &Client::default(), stamp(), &event()).await.unwrap();
        assert_eq!(changed.unwrap().user.generation, 2);
        assert!(lives(&store, user.id, own.id).await, "the session of the change itself");
    });
    for login in logins.await {
        let lives = lives(&store, login.user_id, login.id).await;
        assert_eq!(lives, login.begun && login.generation == 2, "{login:?}");
    }
}

async fn no_login_survives_the_end_of_all_sessions(store: Case) {
    let logins = races(&store, |store, user| async move {
        assert!(store.end_all_sessions(user.id, stamp(), &event()).await.unwrap().is_some());
    });
    for login in logins.await {
        let listed = store.list_sessions(login.user_id, None, 9, start()).await.unwrap();
        let lives = listed.iter().any(|listed| listed.session.id == login.id);
        assert_eq!(lives, login.begun && login.generation == 2, "{login:?}");
    }
}

async fn no_login_survives_a_concurrent_disable(store: Case) {
    let logins = races(&store, |store, user| async move {
        store.set_state(user.id, UserState::Disabled, None, stamp(), &event()).await.unwrap().unwrap();
    });
    for login in logins.await {
        let user = store.user(login.user_id).await.unwrap().unwrap();
        assert_eq!((user.state, lives(&store, user.id, login.id).await), (UserState::Disabled, false), "{login:?}");
        // Enabling the user again does not revive them.
        store.set_state(login.user_id, UserState::Active, None, stamp(), &event()).await.unwrap().unwrap();
        assert!(store.list_sessions(login.user_id, None, 9, start()).await.unwrap().is_empty(), "{login:?}");
    }
}

async fn no_login_survives_a_concurrent_deletion(store: Case) {
    let logins = races(&store, |store, user| async move {
        assert!(store.delete_user(user.id, None, stamp(), "erased", &event()).await.unwrap().is_ok());
    });
    for login in logins.await {
        assert_eq!(store.user(login.user_id).await.unwrap(), None, "{login:?}");
        assert!(!lives(&store, login.user_id, login.id).await, "{login:?}");
        // The session's row is deleted too, so that a new row can have its id.
        let other = NewUser { id: login.user_id, ..new_user(0, &format!("{}@example.com", login.id)) };
        store.create_user(&other, None, None, &event()).await.unwrap();
        let again = Session { id: login.id, ..session(0, &other) };
        assert!(store.create_session(&again, &Client::default(), &event()).await.unwrap(), "{login:?}");
    }
}

async fn session_is_ended_once(store: Case) {
    let ada = new_user(1, "ada@example.com");
    let begun = session(10, &ada);
    store.create_user(&ada, Some(starting(&begun)), None, &event()).await.unwrap();
    let id = begun.id;
    let ended = at_once(&store, 20, |store, _| async move {
        store.revoke_session(id, None, stamp(), &event()).await.unwrap().is_some()
    });
    assert_eq!(ended.await.into_iter().filter(|ended| *ended).count(), 1);
    let all = at_once(&store, 20, |store, _| async move {
        store.end_all_sessions(UserId::from_u128(1), stamp(), &event()).await.unwrap().is_some()
    });
    assert!(all.await.into_iter().all(|ended| ended));
    assert_eq!(store.user(ada.id).await.unwrap().unwrap().generation, 21);
}

async fn one_of_the_password_changes_at_once_wins(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    let changed = at_once(&store, 20, |store, number| async move {
        let own = Session { generation: 2, ..session(10 + number, &new_user(1, "ada@example.com")) };
        let hash = format!("$argon2id${number}");
        store.change_password(1, &hash, &own, &Client::default(), stamp(), &event()).await.unwrap().map(|_| (hash, own))
    });
    let won: Vec<_> = changed.await.into_iter().flatten().collect();
    let sessions = store.list_sessions(ada.id, None, 99, start()).await.unwrap();
    assert_eq!((won.len(), sessions.len()), (1, 1));
    assert_eq!(sessions[0].session, won[0].1);
    assert_eq!(store.proof_trial(ada.id, "").await.unwrap().found.unwrap().password_hash, won[0].0);
}

on_both_engines!(crate::support::Case:
    no_login_survives_a_concurrent_password_change,
    no_login_survives_the_end_of_all_sessions,
    no_login_survives_a_concurrent_disable,
    no_login_survives_a_concurrent_deletion,
    session_is_ended_once,
    one_of_the_password_changes_at_once_wins,
);
