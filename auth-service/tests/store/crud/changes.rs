//! Changes of a user: generations, revisions, states, roles and deletion.

use std::time::Duration;

use auth_service::domain::{Client, Email, Name, Roles, Session, SessionId, UserChange, UserId, UserState};
use auth_service::store::{ChangedUser, Created, PasswordChanged, PasswordProof, Unchanged};
use testkit::{on_both_engines, start};

use crate::support::{Case, another_admin, event, event_at, lives, new_user, session, stamp, starting};

const NOBODY: UserId = UserId::from_u128(99);

fn name(text: &str) -> UserChange {
    UserChange { name: Some(Name::parse(text).unwrap()), email: None }
}

fn email(text: &str) -> UserChange {
    UserChange { name: None, email: Some(Email::parse(text).unwrap()) }
}

async fn change_needs_the_revision_that_was_read(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    let later = start() + Duration::from_secs(1);
    let user = store.update_user(ada.id, &name("Ada L."), None, Some(1), &event_at(later)).await.unwrap().unwrap();
    assert_eq!((user.name.as_str(), user.revision, user.update_time), ("Ada L.", 2, later));
    assert_eq!((user.email.as_str(), user.create_time), ("ada@example.com", start()), "the rest stays");
    assert_eq!(store.user(ada.id).await.unwrap(), Some(user));
    let stale = store.update_user(ada.id, &name("Eve"), None, Some(1), &event_at(later)).await.unwrap();
    assert_eq!(stale, Err(Unchanged::Stale));
    let absent = store.update_user(NOBODY, &name("Eve"), None, None, &event_at(later)).await.unwrap();
    assert_eq!(absent, Err(Unchanged::NotFound));
}

/// An email is taken in its canonical form, and freed by a change.
async fn email_is_taken_in_its_canonical_form(store: Case) {
    let (ada, bob) = (new_user(1, "ada@example.com"), new_user(2, "bob@example.com"));
    store.create_user(&ada, None, None, &event()).await.unwrap();
    store.create_user(&bob, None, None, &event()).await.unwrap();
    let taken = store.update_user(ada.id, &email("BOB@example.com"), None, None, &event()).await.unwrap();
    assert_eq!(taken, Err(Unchanged::EmailTaken));
    assert_eq!(store.user(ada.id).await.unwrap().unwrap().revision, 1, "the refused change wrote nothing");
    store.update_user(bob.id, &email("new@example.com"), None, None, &event()).await.unwrap().unwrap();
    store.update_user(ada.id, &email("BOB@example.com"), None, None, &event()).await.unwrap().unwrap();
    assert_eq!(store.credentials("bob@example.com").await.unwrap().unwrap().user.id, ada.id);
    assert!(store.credentials("ada@example.com").await.unwrap().is_none());
}

async fn only_a_lost_role_raises_the_generation(store: Case) {
    store.create_user(&another_admin(), None, None, &event()).await.unwrap();
    let ada = new_user(1, "ada@example.com");
    let begun = session(10, &ada);
    store.create_user(&ada, Some(starting(&begun)), None, &event()).await.unwrap();
    for (roles, generation, revision) in [
        ("admin editor", 1, 2),
        ("editor admin", 1, 3),
        ("editor admin", 1, 3),
        ("editor", 2, 4),
        ("", 3, 5),
        ("", 3, 5),
    ] {
        let user =
            store.set_roles(ada.id, &Roles::from_text(roles), None, stamp(), &event()).await.unwrap().unwrap().user;
        assert_eq!((user.roles.to_text().as_str(), user.generation, user.revision), (roles, generation, revision));
    }
    assert!(lives(&store, ada.id, begun.id).await, "sessions stay");
    let stale = store.set_roles(ada.id, &Roles::admin(), Some(4), stamp(), &event()).await.unwrap();
    assert_eq!(stale, Err(Unchanged::Stale));
    assert_eq!(
        store.set_roles(NOBODY, &Roles::admin(), None, stamp(), &event()).await.unwrap(),
        Err(Unchanged::NotFound)
    );
}

async fn disabled_user_has_no_session_and_gets_none(store: Case) {
    let ada = new_user(1, "ada@example.com");
    let begun = session(10, &ada);
    store.create_user(&ada, Some(starting(&begun)), None, &event()).await.unwrap();
    let read = store.credentials("ada@example.com").await.unwrap().unwrap().user;

    let user = store.set_state(ada.id, UserState::Disabled, Some(1), stamp(), &event()).await.unwrap().unwrap().user;
    assert_eq!((user.state, user.generation, user.revision), (UserState::Disabled, 2, 2));
    assert_eq!(store.user(ada.id).await.unwrap().as_ref(), Some(&user));
    assert!(!lives(&store, ada.id, begun.id).await);
    let late = Session { generation: read.generation, ..session(11, &ada) };
    assert!(
        !store.create_session(&late, &Client::default(), &event()).await.unwrap(),
        "a concurrent login starts no session"
    );
    let fresh = Session { generation: 2, ..session(12, &ada) };
    assert!(
        !store.create_session(&fresh, &Client::default(), &event()).await.unwrap(),
        "a later login starts none either"
    );
    assert_eq!(
        store.set_state(ada.id, UserState::Disabled, None, stamp(), &event()).await.unwrap(),
        Ok(ChangedUser { user, logged: None })
    );

    let user = store.set_state(ada.id, UserState::Active, Some(2), stamp(), &event()).await.unwrap().unwrap().user;
    assert_eq!((user.state, user.generation, user.revision), (UserState::Active, 2, 3));
    assert!(
        !store.create_session(&late, &Client::default(), &event()).await.unwrap(),
        "the generation read before stays dead"
    );
    assert!(store.create_session(&fresh, &Client::default(), &event()).await.unwrap());
    for state in [UserState::Active, UserState::Disabled] {
        assert_eq!(store.set_state(ada.id, state, Some(1), stamp(), &event()).await.unwrap(), Err(Unchanged::Stale));
        assert_eq!(store.set_state(NOBODY, state, None, stamp(), &event()).await.unwrap(), Err(Unchanged::NotFound));
    }
}

async fn login_with_the_old_password_does_not_survive(store: Case) {
    let ada = new_user(1, "ada@example.com");
    let begun = session(10, &ada);
    store.create_user(&ada, Some(starting(&begun)), None, &event()).await.unwrap();
    // The password changes after the login has read the old hash and before it starts a session.
    let login = store.credentials("ada@example.com").await.unwrap().unwrap();
    let own = Session { generation: 2, ..session(11, &ada) };
    let user = store
        .change_password(1, "$argon2id$new", &own, &Client::default(), stamp(), &event())
        .await
        .unwrap()
        .unwrap()
        .user;
    assert_eq!((user.generation, user.revision, user.update_time), (2, 1, start()), "no field of the user has changed");
    let late = Session { generation: login.user.generation, ..session(12, &ada) };
    assert!(!store.create_session(&late, &Client::default(), &event()).await.unwrap());
    assert!(!lives(&store, ada.id, begun.id).await);
    assert!(lives(&store, ada.id, own.id).await);
    assert_eq!(store.proof_trial(ada.id, "").await.unwrap().found.unwrap().password_hash, "$argon2id$new");

    let other = Session { generation: 2, ..session(13, &ada) };
    let beaten =
        store.change_password(1, "$argon2id$other", &other, &Client::default(), stamp(), &event()).await.unwrap();
    assert_eq!(beaten, None, "a change that read the old password is too late as well");
    assert_eq!(store.proof_trial(ada.id, "").await.unwrap().found.unwrap().password_hash, "$argon2id$new");
    assert!(!lives(&store, ada.id, other.id).await);
}

async fn deleted_user_leaves_only_the_id(store: Case) {
    let ada = new_user(1, "ada@example.com");
    let begun = session(10, &ada);
    store.create_user(&ada, Some(starting(&begun)), None, &event()).await.unwrap();
    assert_eq!(store.delete_user(ada.id, Some(7), stamp(), "erased", &event()).await.unwrap(), Err(Unchanged::Stale));
    assert!(store.delete_user(ada.id, Some(1), stamp(), "erased", &event()).await.unwrap().is_ok());
    assert_eq!(store.delete_user(ada.id, None, stamp(), "erased", &event()).await.unwrap(), Err(Unchanged::NotFound));
    assert_eq!(store.user(ada.id).await.unwrap(), None);
    assert!(!lives(&store, ada.id, begun.id).await);
    assert!(store.list_sessions(ada.id, None, 9, start()).await.unwrap().is_empty());
    assert!(
        !store.create_session(&session(11, &ada), &Client::default(), &event()).await.unwrap(),
        "a late login starts no session"
    );
    let again = new_user(2, "ada@example.com");
    assert!(
        matches!(store.create_user(&again, None, None, &event()).await.unwrap(), Created::User(_)),
        "the address is free"
    );
}

async fn every_session_of_every_user_is_ended_at_once(store: Case) {
    // More users than one statement changes.
    let users: Vec<_> = (1..=1001).map(|id| new_user(id, &format!("user-{id}@example.com"))).collect();
    for user in &users {
        store
            .create_user(user, Some(starting(&session(user.id.as_u128() + 10_000, user))), None, &event())
            .await
            .unwrap();
    }
    store.end_every_session().await.unwrap();
    for user in &users {
        let session = SessionId::from_u128(user.id.as_u128() + 10_000);
        let read = store.refreshable(session).await.unwrap().unwrap();
        assert_eq!((read.user.id, read.user.state, read.user.generation), (user.id, UserState::Active, 2));
        assert!(read.is_ended, "{}", user.id);
    }
    let next = Session { generation: 2, ..session(50_000, &users[1000]) };
    assert!(store.create_session(&next, &Client::default(), &event()).await.unwrap(), "a new login works");
    assert_eq!(store.user(users[0].id).await.unwrap().unwrap().revision, 1, "no field of a user has changed");
}

/// An email change fails if the password that was given for it has changed since.
async fn email_change_needs_a_password_that_still_holds(store: Case) {
    let (ada, root) = (new_user(1, "ada@example.com"), new_user(2, "root@example.com"));
    store.create_user(&ada, None, None, &event()).await.unwrap();
    store.create_user(&root, None, None, &event()).await.unwrap();
    let proof = |user: &auth_service::domain::NewUser| Some(PasswordProof { user_id: user.id, generation: 1 });
    let change = email("new@example.com");
    for by in [&ada, &root] {
        store.update_user(ada.id, &change, proof(by), None, &event()).await.unwrap().unwrap();
        let own = Session { generation: 2, user_id: by.id, ..session(by.id.as_u128() + 10, by) };
        store.change_password(1, "$argon2id$new", &own, &Client::default(), stamp(), &event()).await.unwrap().unwrap();
        let late = store.update_user(ada.id, &email("late@example.com"), proof(by), None, &event()).await.unwrap();
        assert_eq!(late, Err(Unchanged::Outdated));
    }
    assert_eq!(store.user(ada.id).await.unwrap().unwrap().email, "new@example.com");
}

async fn operators_password_ends_every_session(store: Case) {
    let ada = new_user(1, "ada@example.com");
    let begun = session(10, &ada);
    store.create_user(&ada, Some(starting(&begun)), None, &event()).await.unwrap();
    let PasswordChanged { user, logged } =
        store.set_password(ada.id, "$argon2id$new", stamp(), &event()).await.unwrap().unwrap();
    assert_eq!((user.generation, user.revision, logged.revision), (2, 1, 1));
    assert!(!lives(&store, ada.id, begun.id).await);
    assert_eq!(store.proof_trial(ada.id, "").await.unwrap().found.unwrap().password_hash, "$argon2id$new");
    store.set_state(ada.id, UserState::Disabled, None, stamp(), &event()).await.unwrap().unwrap();
    let user = store.set_password(ada.id, "$argon2id$more", stamp(), &event()).await.unwrap().unwrap().user;
    assert_eq!((user.generation, user.state), (4, UserState::Disabled));
    assert_eq!(store.networks(ada.id).await.unwrap(), [""]);
    assert!(store.networks(NOBODY).await.unwrap().is_empty());
    assert!(store.set_password(NOBODY, "$argon2id$", stamp(), &event()).await.unwrap().is_none());
}

on_both_engines!(crate::support::Case:
    operators_password_ends_every_session,
    change_needs_the_revision_that_was_read,
    email_is_taken_in_its_canonical_form,
    only_a_lost_role_raises_the_generation,
    disabled_user_has_no_session_and_gets_none,
    login_with_the_old_password_does_not_survive,
    every_session_of_every_user_is_ended_at_once,
    deleted_user_leaves_only_the_id,
    email_change_needs_a_password_that_still_holds,
);
