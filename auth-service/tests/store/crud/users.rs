//! Each method alone: what it writes is what is read.

use auth_service::store::{Created, Standing};
use kit::testing::{on_both_engines, start};
use uuid::Uuid;

use super::support::{Case, new_user, session};
use auth_service::domain::{Client, UserState};

async fn a_user_is_found_by_id_and_by_the_emails_canonical_form(store: Case) {
    let new = new_user(1, "Ada@Example.com");
    let Created::User(user) = store.create_user(&new, None, None).await.unwrap() else { panic!("the email is free") };
    assert_eq!((user.id, user.email.as_str(), user.generation, user.revision), (new.id, "Ada@Example.com", 1, 1));
    assert_eq!((user.create_time, user.update_time), (start(), start()));
    assert_eq!(store.user(new.id).await.unwrap().as_ref(), Some(&*user));
    let found = store.credentials("ada@example.com").await.unwrap().unwrap();
    assert_eq!((found.user, found.password_hash), (*user, new.password_hash));
    assert!(store.user(Uuid::from_u128(9)).await.unwrap().is_none());
    assert!(store.credentials("Ada@Example.com").await.unwrap().is_none());
}

async fn a_session_lives_until_it_is_ended(store: Case) {
    let user = new_user(1, "ada@example.com");
    let (first, second) = (session(10, &user), session(11, &user));
    store.create_user(&user, Some((&first, &Client::default())), None).await.unwrap();
    assert!(store.create_session(&second, &Client::default()).await.unwrap());
    let lives = Standing { state: UserState::Active, generation: 1, session_lives: true };
    let ended = Standing { session_lives: false, ..lives };
    for _ in 0..2 {
        store.end_session(first.id, start()).await.unwrap();
        assert_eq!(store.standing(user.id, first.id).await.unwrap(), Some(ended));
    }
    assert_eq!(store.standing(user.id, second.id).await.unwrap(), Some(lives));
    assert_eq!(store.standing(user.id, Uuid::from_u128(99)).await.unwrap(), Some(ended), "no such session");
    assert_eq!(store.standing(Uuid::from_u128(99), first.id).await.unwrap(), None, "no such user");
}

async fn another_users_session_is_none_of_ones_own(store: Case) {
    let (ada, bob) = (new_user(1, "ada@example.com"), new_user(2, "bob@example.com"));
    let session = session(10, &ada);
    store.create_user(&ada, Some((&session, &Client::default())), None).await.unwrap();
    store.create_user(&bob, None, None).await.unwrap();
    assert!(!store.standing(bob.id, session.id).await.unwrap().unwrap().session_lives);
}

on_both_engines!(crate::support::Case: a_user_is_found_by_id_and_by_the_emails_canonical_form, a_session_lives_until_it_is_ended, another_users_session_is_none_of_ones_own);
