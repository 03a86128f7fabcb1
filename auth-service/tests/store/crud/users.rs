//! A user is written, read and listed.

use auth_service::domain::{Role, Roles, UserState};
use auth_service::store::{Created, Filter};
use kit::testing::{on_both_engines, start};
use uuid::Uuid;

use crate::support::{Case, new_user};

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

async fn users_are_listed_by_filter_and_fetched_by_id(store: Case) {
    for id in 1..=20 {
        store.create_user(&new_user(id, &format!("user{id}@example.com")), None, None).await.unwrap();
    }
    store.set_roles(Uuid::from_u128(3), &Roles::from_text("a_b editor"), None, start()).await.unwrap().unwrap();
    store.set_roles(Uuid::from_u128(4), &Roles::from_text("axb"), None, start()).await.unwrap().unwrap();
    store.set_state(Uuid::from_u128(5), UserState::Disabled, None, start()).await.unwrap().unwrap();
    let list = async |filter: &Filter, after: Option<u128>, limit| {
        let users = store.list_users(filter, after.map(Uuid::from_u128), limit).await.unwrap();
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

    let ids: Vec<Uuid> = (1..=21).map(Uuid::from_u128).collect();
    let mut found: Vec<_> = store.users(&ids).await.unwrap().iter().map(|user| user.id.as_u128()).collect();
    found.sort_unstable();
    assert_eq!(found, (1..=20).collect::<Vec<_>>());
    assert!(store.users(&[]).await.unwrap().is_empty());
}

on_both_engines!(crate::support::Case:
    a_user_is_found_by_id_and_by_the_emails_canonical_form,
    users_are_listed_by_filter_and_fetched_by_id,
);
