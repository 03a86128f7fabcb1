//! A session's refresh tokens in its row, and removal of rows after their tokens have expired.

use std::time::Duration;

use auth_service::domain::{Client, NewUser, RefreshDigest, Roles, Session, SessionId, UserState, network};
use auth_service::store::Rotated;
use chrono::TimeDelta;
use testkit::{on_both_engines, start};

use crate::support::{Case, event, new_user, session, stamp, starting};

fn rotated(number: u8) -> Rotated {
    Rotated {
        salt: vec![number; 32],
        digests: vec![RefreshDigest([number; 32]), RefreshDigest([7; 32])],
        graces: i32::from(number),
        time: start() + Duration::from_secs(number.into()),
        idle_expire_time: start() + Duration::from_hours(8 * 24),
        over_time: start() + Duration::from_hours(9 * 24),
    }
}

async fn ada(store: &Case) -> (NewUser, Session) {
    let ada = NewUser { roles: Roles::from_text("editor"), ..new_user(1, "ada@example.com") };
    let begun = session(10, &ada);
    store.create_user(&ada, Some(starting(&begun)), None, &event()).await.unwrap();
    (ada, begun)
}

async fn session_is_read_with_its_user_and_first_token(store: Case) {
    let (ada, begun) = ada(&store).await;
    let found = store.refreshable(begun.id).await.unwrap().unwrap();
    assert_eq!(found.user, store.user(ada.id).await.unwrap().unwrap());
    assert_eq!((found.expire_time, found.idle_expire_time), (begun.expire_time, begun.idle_expire_time));
    assert!(!found.is_ended);
    let rotation = found.rotation;
    assert_eq!((rotation.generation, rotation.graces, rotation.time), (0, 0, None));
    assert_eq!((rotation.salt, rotation.digests), (Vec::new(), vec![RefreshDigest([7; 32])]));
    assert_eq!(store.refreshable(SessionId::from_u128(99)).await.unwrap(), None);
}

async fn rotation_is_written_once_per_generation(store: Case) {
    let (ada, begun) = ada(&store).await;
    let client = Client { peer: "192.0.2.7".into(), user_agent: "grpcurl/1".into() };
    assert!(store.rotate(begun.id, 0, &rotated(1), &client).await.unwrap());
    assert!(!store.rotate(begun.id, 0, &rotated(2), &client).await.unwrap(), "another rotation came first");
    assert!(!store.rotate(begun.id, 2, &rotated(2), &client).await.unwrap(), "no such generation");
    let found = store.refreshable(begun.id).await.unwrap().unwrap();
    assert_eq!((found.rotation.generation, found.rotation.graces), (1, 1));
    assert_eq!((found.rotation.salt, found.rotation.digests), (rotated(1).salt, rotated(1).digests));
    assert_eq!((found.rotation.time, found.idle_expire_time), (Some(rotated(1).time), rotated(1).idle_expire_time));
    let listed = store.list_sessions(ada.id, None, 9, start()).await.unwrap().remove(0);
    assert_eq!((listed.client, listed.last_refresh_time), (client.clone(), Some(rotated(1).time)));
    assert_eq!(
        (listed.session.over_time, listed.session.refresh_digest),
        (rotated(1).over_time, Some(rotated(1).digests[0]))
    );
    assert!(store.login_trial("ada@example.com", &network(&client.peer)).await.unwrap().is_at_home);
}

async fn repeated_answer_is_noted_and_prolongs_the_row(store: Case) {
    let (ada, begun) = ada(&store).await;
    store.rotate(begun.id, 0, &rotated(2), &Client::default()).await.unwrap();
    let over = rotated(2).over_time;
    for (end, expected) in
        [(over - TimeDelta::hours(1), over), (over + TimeDelta::hours(1), over + TimeDelta::hours(1))]
    {
        assert!(store.rotate_again(begun.id, 1, 3, end).await.unwrap());
        let listed = store.list_sessions(ada.id, None, 9, start()).await.unwrap().remove(0);
        assert_eq!(listed.session.over_time, expected);
        assert_eq!(listed.last_refresh_time, Some(rotated(2).time), "a repeated answer is no rotation");
    }
    assert_eq!(store.refreshable(begun.id).await.unwrap().unwrap().rotation.graces, 3);
    assert!(!store.rotate_again(begun.id, 0, 1, over).await.unwrap(), "the session has been rotated since");
    store.end_session(begun.id, stamp(), &event()).await.unwrap();
    assert!(!store.rotate_again(begun.id, 1, 3, over).await.unwrap(), "the session has ended");
}

async fn ended_session_is_not_rotated(store: Case) {
    let ends: [(&str, u128); 4] = [("session", 1), ("all", 2), ("disabled", 3), ("deleted", 4)];
    for (what, id) in ends {
        let user = new_user(id, &format!("{what}@example.com"));
        let begun = session(10 + id, &user);
        store.create_user(&user, Some(starting(&begun)), None, &event()).await.unwrap();
        match what {
            "session" => drop(store.end_session(begun.id, stamp(), &event()).await.unwrap()),
            "all" => drop(store.end_all_sessions(user.id, stamp(), &event()).await.unwrap()),
            "disabled" => drop(store.set_state(user.id, UserState::Disabled, None, stamp(), &event()).await.unwrap()),
            _ => drop(store.delete_user(user.id, None, stamp(), "erased", &event()).await.unwrap()),
        }
        assert!(!store.rotate(begun.id, 0, &rotated(1), &Client::default()).await.unwrap(), "{what}");
        let found = store.refreshable(begun.id).await.unwrap();
        assert!(found.is_none_or(|found| found.is_ended), "{what}");
    }
}

async fn lost_role_is_in_the_user_read_with_a_session(store: Case) {
    let (ada, begun) = ada(&store).await;
    store.set_roles(ada.id, &Roles::default(), None, stamp(), &event()).await.unwrap().unwrap();
    let found = store.refreshable(begun.id).await.unwrap().unwrap();
    assert_eq!((found.user.roles, found.user.generation, found.is_ended), (Roles::default(), 2, false));
}

/// Only expired sessions are removed, one batch at a time.
async fn expired_sessions_are_removed_in_batches(store: Case) {
    let (ada, lives) = ada(&store).await;
    let over = start() + Duration::from_secs(5);
    for id in 0..101 {
        let old = Session { over_time: over, ..session(1000 + id, &ada) };
        assert!(store.create_session(&old, &Client::default(), &event()).await.unwrap());
    }
    let ended = Session { over_time: over + TimeDelta::microseconds(1), ..session(2000, &ada) };
    store.create_session(&ended, &Client::default(), &event()).await.unwrap();
    store.end_session(ended.id, stamp(), &event()).await.unwrap();
    assert_eq!(store.sweep_sessions(over - TimeDelta::microseconds(1)).await.unwrap(), 0);
    let swept = [store.sweep_sessions(over).await.unwrap(), store.sweep_sessions(over).await.unwrap()];
    assert_eq!(swept, [100, 1]);
    assert_eq!(store.sweep_sessions(over).await.unwrap(), 0);
    assert!(store.refreshable(ended.id).await.unwrap().is_some(), "to the microsecond, ended or not");
    assert_eq!(store.sweep_sessions(ended.over_time).await.unwrap(), 1);
    assert!(store.refreshable(lives.id).await.unwrap().is_some());
}

on_both_engines!(crate::support::Case:
    session_is_read_with_its_user_and_first_token,
    rotation_is_written_once_per_generation,
    repeated_answer_is_noted_and_prolongs_the_row,
    ended_session_is_not_rotated,
    lost_role_is_in_the_user_read_with_a_session,
    expired_sessions_are_removed_in_batches,
);
