//! A login that comes to nothing writes nothing.

use std::time::Duration;

use auth_service::domain::{Client, Session};
use kit::testing::{on_both_engines, start};
use uuid::Uuid;

use super::support::{Case, new_user, session};

async fn a_session_that_is_not_begun_takes_out_none_that_has_expired(store: Case) {
    let user = new_user(1, "ada@example.com");
    let day = Duration::from_hours(24);
    let first = Session { expire_time: start() + day, ..session(10, &user) };
    let next = |id, generation| Session {
        id: Uuid::from_u128(id),
        generation,
        create_time: start() + day,
        expire_time: start() + 2 * day,
        ..first.clone()
    };
    store.create_user(&user, Some((&first, &Client::default())), None).await.unwrap();
    let has_a_row = async || store.standing(user.id, first.id).await.unwrap().unwrap().session_lives;
    assert!(!store.create_session(&next(11, 0), &Client::default()).await.unwrap(), "its generation has been ended");
    assert!(has_a_row().await);
    assert!(store.create_session(&next(12, 1), &Client::default()).await.unwrap());
    assert!(!has_a_row().await, "the next one to begin takes it out");
}

on_both_engines!(crate::support::Case: a_session_that_is_not_begun_takes_out_none_that_has_expired);
