//! Writing, reading and listing users.

use std::slice::from_ref;

use auth_service::domain::{Email, Name, NewUser, Role, Roles, User, UserId, UserState};
use auth_service::store::{Created, Filter, StoreError};
use chrono::TimeDelta;
use testkit::{on_both_engines, start};

use crate::support::{Case, event, new_user, stamp};

async fn user_is_found_by_id_and_canonical_email(store: Case) {
    let new = new_user(1, "Ada@Example.com");
    let Created::User(user) = store.create_user(&new, None, None, &event()).await.unwrap() else {
        panic!("the email is free")
    };
    assert_eq!((user.id, user.email.as_str(), user.generation, user.revision), (new.id, "Ada@Example.com", 1, 1));
    assert_eq!((user.create_time, user.update_time), (start(), start()));
    assert_eq!(store.user(new.id).await.unwrap().as_ref(), Some(&*user));
    let found = store.credentials("ada@example.com").await.unwrap().unwrap();
    assert_eq!((found.user, found.password_hash), (*user, new.password_hash));
    assert!(store.user(UserId::from_u128(9)).await.unwrap().is_none());
    assert!(store.credentials("Ada@Example.com").await.unwrap().is_none());
}

async fn users_are_listed_by_filter_and_read_by_id(store: Case) {
    for id in 1..=20 {
        store.create_user(&new_user(id, &format!("user{id}@example.com")), None, None, &event()).await.unwrap();
    }
    store
        .set_roles(UserId::from_u128(3), &Roles::from_text("a_b editor"), None, stamp(), &event())
        .await
        .unwrap()
        .unwrap();
    store.set_roles(UserId::from_u128(4), &Roles::from_text("axb"), None, stamp(), &event()).await.unwrap().unwrap();
    store.set_state(UserId::from_u128(5), UserState::Disabled, None, stamp(), &event()).await.unwrap().unwrap();
    let list = async |filter: &Filter, after: Option<u128>, limit| {
        let users = store.list_users(filter, after.map(UserId::from_u128), limit).await.unwrap();
        users.iter().map(|user| user.id.as_u128()).collect::<Vec<_>>()
    };
    let any = Filter::default();
    assert_eq!(list(&any, None, 3).await, [20, 19, 18]);
    assert_eq!(list(&any, Some(3), 9).await, [2, 1]);
    for (role, ids) in [("a_b", vec![3]), ("editor", vec![3]), ("axb", vec![4]), ("edit", vec![])] {
        let filter = Filter { role: Role::parse(role), ..Filter::default() };
        assert_eq!(list(&filter, None, 9).await, ids, "{role}");
    }
    let disabled = Filter { state: Some(UserState::Disabled), ..Filter::default() };
    assert_eq!(list(&disabled, None, 9).await, [5]);
    let by_email = Filter { email_key: Some("user7@example.com".into()), ..Filter::default() };
    assert_eq!(list(&by_email, None, 9).await, [7]);
    assert_eq!(list(&by_email, Some(7), 9).await, [0_u128; 0]);

    let ids: Vec<UserId> = (1..=21).map(UserId::from_u128).collect();
    let mut found: Vec<_> = store.users(&ids).await.unwrap().iter().map(|user| user.id.as_u128()).collect();
    found.sort_unstable();
    assert_eq!(found, (1..=20).collect::<Vec<_>>());
    assert!(store.users(&[]).await.unwrap().is_empty());
}

async fn user_of_the_largest_size_is_read_as_written(store: Case) {
    // Characters of four bytes, an address of 254 bytes, sixteen roles of 63 bytes, and a time with microseconds.
    let label = "d".repeat(63);
    let email = format!("{}@{label}.{label}.{}.com", "l".repeat(64), "d".repeat(57));
    let words: Vec<_> = (10..26).map(|number| format!("{}{number}", "r".repeat(61))).collect();
    let new = NewUser {
        name: Name::parse(&"\u{1f980}".repeat(128)).unwrap(),
        email: Email::parse(&email).unwrap(),
        password_hash: "$argon2id$'\"\\%_".into(),
        roles: Roles::parse(&words).unwrap(),
        create_time: start() + TimeDelta::microseconds(123_456),
        ..new_user(1, "ada@example.com")
    };
    let Created::User(user) = store.create_user(&new, None, None, &event()).await.unwrap() else {
        panic!("the email is free")
    };
    assert_eq!((user.name.as_str(), user.email.len()), (new.name.as_str(), 254));
    assert_eq!((&user.roles, user.create_time, user.update_time), (&new.roles, new.create_time, new.create_time));
    assert_eq!(store.user(new.id).await.unwrap().as_ref(), Some(&*user));
    assert_eq!(store.users(&[new.id]).await.unwrap(), from_ref(&*user));
    let read = store.proof_trial(new.id, "").await.unwrap().found.unwrap();
    assert_eq!((read.user, read.password_hash), ((*user).clone(), new.password_hash));
    for word in words {
        let filter = Filter { role: Role::parse(&word), ..Filter::default() };
        assert_eq!(store.list_users(&filter, None, 9).await.unwrap(), from_ref(&*user), "{word}");
    }
    assert!(store.proof_trial(UserId::from_u128(9), "").await.unwrap().found.is_none());
}

async fn no_two_users_have_one_id(store: Case) {
    store.create_user(&new_user(1, "ada@example.com"), None, None, &event()).await.unwrap();
    let twin = store.create_user(&new_user(1, "bob@example.com"), None, None, &event()).await;
    assert!(matches!(twin, Err(StoreError::Taken(_))), "{twin:?}");
    assert_eq!(store.user(UserId::from_u128(1)).await.unwrap().unwrap().email, "ada@example.com");
}

async fn list_applies_every_filter_at_once(store: Case) {
    let roles = ["", "a_b", "a.b", "a-b", "axb", "a_b axb", "a", "b"];
    for (id, roles) in (1_u128..).zip(roles.iter().chain(&roles)) {
        let email = format!("user{id}@example.com");
        let user = NewUser { roles: Roles::from_text(roles), ..new_user(id, &email) };
        store.create_user(&user, None, None, &event()).await.unwrap();
        if id > 8 {
            store.set_state(user.id, UserState::Disabled, None, stamp(), &event()).await.unwrap().unwrap();
        }
    }
    let all = store.list_users(&Filter::default(), None, 99).await.unwrap();
    assert_eq!(all.len(), 16);
    let emails = [None, Some("user2@example.com"), Some("user14@example.com"), Some("user_@example.com"), Some("")];
    for email in emails {
        for role in [None, Some("a_b"), Some("a.b"), Some("axb"), Some("a"), Some("c")] {
            for state in [None, Some(UserState::Active), Some(UserState::Disabled)] {
                let (email_key, role) = (email.map(str::to_owned), role.and_then(Role::parse));
                let filter = Filter { email_key, role, state };
                let fits = |user: &&User| {
                    filter.email_key.as_ref().is_none_or(|key| *key == user.email)
                        && filter.role.as_ref().is_none_or(|role| user.roles.words().contains(&role.as_str()))
                        && filter.state.is_none_or(|state| state == user.state)
                };
                let wanted: Vec<User> = all.iter().filter(fits).cloned().collect();
                assert_eq!(store.list_users(&filter, None, 99).await.unwrap(), wanted, "{filter:?}");
                // Page by page too.
                let mut paged: Vec<User> = Vec::new();
                while let Some(user) =
                    store.list_users(&filter, paged.last().map(|user| user.id), 1).await.unwrap().pop()
                {
                    paged.push(user);
                }
                assert_eq!(paged, wanted, "{filter:?}");
            }
        }
    }
}

async fn role_is_found_with_the_state_of_its_user(store: Case) {
    let (id, editor) = (UserId::from_u128(1), Roles::from_text("editor"));
    store.create_user(&new_user(1, "ada@example.com"), None, None, &event()).await.unwrap();
    let states = async || {
        let mut found = Vec::new();
        for state in [UserState::Active, UserState::Disabled] {
            let filter = Filter { role: Role::parse("editor"), state: Some(state), ..Filter::default() };
            found.push(store.list_users(&filter, None, 9).await.unwrap().len());
        }
        found
    };
    let set = async |state| store.set_state(id, state, None, stamp(), &event()).await.unwrap().unwrap();
    set(UserState::Disabled).await;
    assert_eq!(states().await, [0, 0]);
    // The role comes after the state, then the state changes.
    store.set_roles(id, &editor, None, stamp(), &event()).await.unwrap().unwrap();
    assert_eq!(states().await, [0, 1]);
    set(UserState::Active).await;
    assert_eq!(states().await, [1, 0]);
}

async fn list_stops_at_lowest_and_highest_ids(store: Case) {
    let disabled = Filter { state: Some(UserState::Disabled), ..Filter::default() };
    assert!(store.list_users(&Filter::default(), None, 9).await.unwrap().is_empty(), "there is no user");
    for id in [1, 2, u128::MAX - 1] {
        store.create_user(&new_user(id, &format!("user{id}@example.com")), None, None, &event()).await.unwrap();
        store.set_state(UserId::from_u128(id), UserState::Disabled, None, stamp(), &event()).await.unwrap().unwrap();
    }
    for filter in [Filter::default(), disabled] {
        for (after, limit, found) in [
            (Some(u128::MAX), 9, vec![u128::MAX - 1, 2, 1]),
            (Some(u128::MAX - 1), 9, vec![2, 1]),
            (Some(1), 9, vec![]),
            (Some(0), 9, vec![]),
            (None, 0, vec![]),
            (None, u32::MAX, vec![u128::MAX - 1, 2, 1]),
        ] {
            let users = store.list_users(&filter, after.map(UserId::from_u128), limit).await.unwrap();
            let ids: Vec<_> = users.iter().map(|user| user.id.as_u128()).collect();
            assert_eq!(ids, found, "{after:?}, {limit}");
        }
    }
    let twice = [UserId::from_u128(1); 17];
    assert_eq!(store.users(&twice).await.unwrap().len(), 3, "once in each batch of eight");
    assert!(store.users(&[UserId::NIL, UserId::MAX]).await.unwrap().is_empty());
}

on_both_engines!(crate::support::Case:
    user_is_found_by_id_and_canonical_email,
    users_are_listed_by_filter_and_read_by_id,
    user_of_the_largest_size_is_read_as_written,
    no_two_users_have_one_id,
    list_applies_every_filter_at_once,
    role_is_found_with_the_state_of_its_user,
    list_stops_at_lowest_and_highest_ids,
);
