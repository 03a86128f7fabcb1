//! What fails leaves nothing.

use auth_service::domain::Client;
use auth_service::store::Created;

use kit::testing::on_both_engines;

use super::support::{Case, new_user, session};

async fn a_taken_email_leaves_neither_user_nor_session(store: Case) {
    store.create_user(&new_user(1, "ada@example.com"), None, None).await.unwrap();
    let late = new_user(2, "ADA@example.com");
    let session = session(10, &late);
    assert_eq!(
        store.create_user(&late, Some((&session, &Client::default())), None).await.unwrap(),
        Created::EmailTaken
    );
    assert!(store.user(late.id).await.unwrap().is_none());
}

async fn a_failed_session_leaves_no_user(store: Case) {
    let (ada, nobody) = (new_user(1, "ada@example.com"), new_user(2, "nobody@example.com"));
    // The session of a user who has no row breaks the foreign key.
    assert!(store.create_user(&ada, Some((&session(10, &nobody), &Client::default())), None).await.is_err());
    assert!(store.user(ada.id).await.unwrap().is_none());
    assert!(matches!(store.create_user(&ada, None, None).await.unwrap(), Created::User(_)), "and the store works on");
}

on_both_engines!(crate::support::Case: a_taken_email_leaves_neither_user_nor_session, a_failed_session_leaves_no_user);
