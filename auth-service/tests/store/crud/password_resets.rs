//! Codes for a new password: one for each user, valid once.

use auth_service::domain::{Client, PasswordReset, ResetDigest, Session, SessionId, UserId, UserState};
use auth_service::store::PasswordChanged;
use chrono::TimeDelta;
use testkit::{on_both_engines, start};

use crate::support::{Case, another_admin, event, lives, new_user, session, stamp};

const ADA: UserId = UserId::from_u128(1);
const DIGEST: ResetDigest = ResetDigest([1; 32]);

fn reset(digest: ResetDigest) -> PasswordReset {
    PasswordReset::new(ADA, digest, start())
}

/// Creates Ada with a session and a code.
async fn with_code(store: &Case) -> Session {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    assert!(store.create_session(&session(10, &ada), &Client::default(), &event()).await.unwrap());
    assert!(store.add_password_reset(&reset(DIGEST), &event()).await.unwrap());
    session(11, &ada)
}

async fn complete(store: &Case, digest: ResetDigest, session: &Session) -> Option<PasswordChanged> {
    store.complete_password_reset(digest, "$new$", session, &Client::default(), stamp(), &event()).await.unwrap()
}

async fn code_sets_one_password(store: Case) {
    let new = with_code(&store).await;
    let found = store.password_reset(DIGEST).await.unwrap().unwrap();
    assert_eq!((found.user.id, found.reset), (ADA, reset(DIGEST)));

    let changed = complete(&store, DIGEST, &new).await.unwrap();
    assert_eq!((changed.user.id, changed.user.generation), (ADA, 2));
    assert_eq!(store.credentials("ada@example.com").await.unwrap().unwrap().password_hash, "$new$");
    assert!(!lives(&store, ADA, session(10, &new_user(1, "ada@example.com")).id).await, "the old session is over");
    assert!(lives(&store, ADA, new.id).await, "the new session lives");
    assert_eq!(store.password_reset(DIGEST).await.unwrap(), None);
    assert_eq!(
        complete(&store, DIGEST, &Session { id: SessionId::from_u128(12), ..new }).await,
        None,
        "a code works once"
    );
}

async fn newer_code_or_password_ends_a_code(store: Case) {
    let new = with_code(&store).await;
    let newer = ResetDigest([2; 32]);
    assert!(store.add_password_reset(&reset(newer), &event()).await.unwrap());
    assert_eq!(complete(&store, DIGEST, &new).await, None, "the code was replaced");
    store.set_password(ADA, "$operator$", stamp(), &event()).await.unwrap().unwrap();
    assert_eq!(complete(&store, newer, &new).await, None, "the operator has set a password");

    assert!(store.add_password_reset(&reset(newer), &event()).await.unwrap());
    let begun = Session { generation: 3, ..new.clone() };
    store.change_password(2, "$own$", &begun, &Client::default(), stamp(), &event()).await.unwrap().unwrap();
    assert_eq!(
        complete(&store, newer, &Session { id: SessionId::from_u128(12), ..new }).await,
        None,
        "the user has set one"
    );
    assert_eq!(store.credentials("ada@example.com").await.unwrap().unwrap().password_hash, "$own$");
}

async fn code_ends_with_its_user(store: Case) {
    let new = with_code(&store).await;
    store.create_user(&another_admin(), None, None, &event()).await.unwrap();
    store.set_state(ADA, UserState::Disabled, None, stamp(), &event()).await.unwrap().unwrap();
    assert_eq!(complete(&store, DIGEST, &new).await, None, "a disabled user gets no password");
    store.set_state(ADA, UserState::Active, None, stamp(), &event()).await.unwrap().unwrap();
    assert_eq!(complete(&store, DIGEST, &new).await, None, "the disabling has ended the code");
    assert!(store.add_password_reset(&reset(DIGEST), &event()).await.unwrap());
    store.end_all_sessions(ADA, stamp(), &event()).await.unwrap().unwrap();
    assert_eq!(complete(&store, DIGEST, &new).await, None, "the end of all sessions has ended the code");
    store.delete_user(ADA, None, stamp(), "erased", &event()).await.unwrap().unwrap();
    assert_eq!(store.password_reset(DIGEST).await.unwrap(), None);
    assert!(!store.add_password_reset(&reset(DIGEST), &event()).await.unwrap(), "a deleted user gets no code");
}

async fn expired_codes_are_swept(store: Case) {
    with_code(&store).await;
    let end = start() + TimeDelta::minutes(15);
    assert_eq!(store.sweep_password_resets(end - TimeDelta::seconds(1)).await.unwrap(), 0);
    assert_eq!(store.sweep_password_resets(end).await.unwrap(), 1);
    assert_eq!(store.password_reset(DIGEST).await.unwrap(), None);
}

on_both_engines!(crate::support::Case:
    code_sets_one_password,
    newer_code_or_password_ends_a_code,
    code_ends_with_its_user,
    expired_codes_are_swept,
);
