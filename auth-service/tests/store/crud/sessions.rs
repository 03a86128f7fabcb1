//! Sessions are started, listed and ended, one at a time or all of a user at once.

use std::time::Duration;

use auth_service::domain::{Client, Session, SessionId, UserId};
use chrono::TimeDelta;
use testkit::{on_both_engines, start};

use crate::support::{Case, event, lives, new_user, session, stamp, stamp_at, starting};

const NOBODY: UserId = UserId::from_u128(99);

async fn session_lives_until_it_is_ended(store: Case) {
    let user = new_user(1, "ada@example.com");
    let (first, second) = (session(10, &user), session(11, &user));
    store.create_user(&user, Some(starting(&first)), None, &event()).await.unwrap();
    assert!(store.create_session(&second, &Client::default(), &event()).await.unwrap());
    for _ in 0..2 {
        store.end_session(first.id, stamp(), &event()).await.unwrap();
        assert!(!lives(&store, user.id, first.id).await);
    }
    assert!(lives(&store, user.id, second.id).await);
    assert!(!lives(&store, user.id, SessionId::from_u128(99)).await, "no such session");
}

async fn session_of_another_user_is_not_found(store: Case) {
    let (ada, bob) = (new_user(1, "ada@example.com"), new_user(2, "bob@example.com"));
    let session = session(10, &ada);
    store.create_user(&ada, Some(starting(&session)), None, &event()).await.unwrap();
    store.create_user(&bob, None, None, &event()).await.unwrap();
    assert!(!lives(&store, bob.id, session.id).await);
}

async fn sessions_end_one_at_a_time_and_all_at_once(store: Case) {
    let (ada, bob) = (new_user(1, "ada@example.com"), new_user(2, "bob@example.com"));
    store.create_user(&ada, None, None, &event()).await.unwrap();
    store.create_user(&bob, None, None, &event()).await.unwrap();
    let client = Client { peer: "192.0.2.7".into(), user_agent: "grpcurl/1".into() };
    for id in 10..15 {
        assert!(store.create_session(&session(id, &ada), &client, &event()).await.unwrap());
    }
    let list = async |after: Option<u128>, limit| {
        let listed = store.list_sessions(ada.id, after.map(SessionId::from_u128), limit, start()).await.unwrap();
        listed.iter().map(|listed| listed.session.id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 3).await, [14, 13, 12]);
    assert_eq!(list(Some(12), 3).await, [11, 10]);
    let listed = store.list_sessions(ada.id, None, 1, start()).await.unwrap().remove(0);
    assert_eq!((listed.session, listed.client, listed.last_refresh_time), (session(14, &ada), client.clone(), None));

    assert!(
        store.revoke_session(SessionId::from_u128(14), Some(bob.id), stamp(), &event()).await.unwrap().is_none(),
        "not Bob's"
    );
    assert!(store.revoke_session(SessionId::from_u128(14), Some(ada.id), stamp(), &event()).await.unwrap().is_some());
    assert!(
        store.revoke_session(SessionId::from_u128(14), None, stamp(), &event()).await.unwrap().is_none(),
        "the session has ended"
    );
    assert!(store.revoke_session(SessionId::from_u128(13), None, stamp(), &event()).await.unwrap().is_some());
    let end = session(12, &ada).over_time;
    assert!(
        store.revoke_session(SessionId::from_u128(12), None, stamp_at(end), &event()).await.unwrap().is_none(),
        "the session has expired"
    );
    assert_eq!(store.list_sessions(ada.id, None, 9, end).await.unwrap(), []);
    assert_eq!(list(None, 9).await, [12, 11, 10]);

    assert!(store.end_all_sessions(ada.id, stamp(), &event()).await.unwrap().is_some());
    assert!(store.end_all_sessions(NOBODY, stamp(), &event()).await.unwrap().is_none());
    assert_eq!(list(None, 9).await, [0_u128; 0]);
    assert!(store.revoke_session(SessionId::from_u128(12), None, stamp(), &event()).await.unwrap().is_none());
    assert!(
        !store.create_session(&session(20, &ada), &client, &event()).await.unwrap(),
        "a concurrent login starts no session"
    );
    let user = store.user(ada.id).await.unwrap().unwrap();
    assert_eq!((user.generation, user.revision), (2, 1));
}

async fn session_is_listed_as_it_was_started(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    let client = Client { peer: "2001:db8::7".into(), user_agent: "\u{1f980}'\"%_ ".repeat(64) };
    let begun = Session {
        create_time: start() + TimeDelta::microseconds(1),
        over_time: start() + TimeDelta::microseconds(3),
        ..session(u128::MAX - 1, &ada)
    };
    assert!(store.create_session(&begun, &client, &event()).await.unwrap());
    let list = async |after, now| store.list_sessions(ada.id, after, 9, now).await.unwrap();
    let listed = list(Some(SessionId::MAX), start() + TimeDelta::microseconds(2)).await.remove(0);
    assert_eq!((listed.session, listed.client, listed.last_refresh_time), (begun.clone(), client, None));
    assert_eq!(list(None, begun.over_time).await, [], "to the microsecond");
    assert_eq!(list(Some(begun.id), start()).await, []);
    assert_eq!(store.list_sessions(ada.id, None, 0, start()).await.unwrap(), []);
}

async fn missing_user_starts_and_ends_no_session(store: Case) {
    let nobody = new_user(99, "nobody@example.com");
    assert!(!store.create_session(&session(10, &nobody), &Client::default(), &event()).await.unwrap());
    assert!(store.revoke_session(SessionId::from_u128(10), None, stamp(), &event()).await.unwrap().is_none());
    store.end_session(SessionId::from_u128(10), stamp(), &event()).await.unwrap();
    let own = Session { generation: 2, ..session(11, &nobody) };
    assert_eq!(
        store.change_password(1, "$argon2id$", &own, &Client::default(), stamp(), &event()).await.unwrap(),
        None
    );
    assert_eq!(store.list_sessions(NOBODY, None, 9, start()).await.unwrap(), []);
}

async fn surplus_session_is_the_least_recently_used(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    for (id, seconds) in [(10, 3), (11, 1), (12, 2)] {
        let create_time = start() + Duration::from_secs(seconds);
        let begun = Session { create_time, ..session(id, &ada) };
        assert!(store.create_session(&begun, &Client::default(), &event()).await.unwrap());
    }
    let surplus = async |most| {
        let now = start() + Duration::from_secs(9);
        store.surplus_session(ada.id, most, now).await.unwrap().map(|id| id.as_u128())
    };
    assert_eq!([surplus(3).await, surplus(2).await, surplus(1).await], [None, Some(11), Some(12)]);
    store.revoke_session(SessionId::from_u128(11), None, stamp(), &event()).await.unwrap().unwrap();
    assert_eq!(surplus(2).await, None, "an ended session does not count");
}

on_both_engines!(crate::support::Case:
    session_lives_until_it_is_ended,
    session_of_another_user_is_not_found,
    sessions_end_one_at_a_time_and_all_at_once,
    session_is_listed_as_it_was_started,
    missing_user_starts_and_ends_no_session,
    surplus_session_is_the_least_recently_used,
);
