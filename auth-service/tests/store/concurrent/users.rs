//! Concurrent writes of users.

use auth_service::domain::{Email, Name, Role, Roles, UserChange, UserId, UserState};
use auth_service::store::{Created, Filter, Unchanged};
use db::requests::{self, Earlier};
use kit::request_id::{Fingerprint, RequestId, RequestKey};
use testkit::{on_both_engines, start};

use super::at_once;
use crate::support::{Case, event, new_user, session, stamp, starting};

/// C61: exactly one of a hundred registrations of one email wins.
async fn one_of_hundred_registrations_of_one_email_wins(store: Case) {
    let created = at_once(&store, 100, |store, id| async move {
        store.create_user(&new_user(id, "ada@example.com"), None, None, &event()).await.unwrap()
    });
    let created = created.await;
    let lost = created.iter().filter(|created| **created == Created::EmailTaken).count();
    assert_eq!((created.len(), lost), (100, 99));
    assert_eq!(store.list_users(&Filter::default(), None, 9).await.unwrap().len(), 1);
}

async fn one_of_hundred_changes_for_one_revision_wins(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    let id = ada.id;
    let changed = at_once(&store, 100, |store, number| async move {
        let change = UserChange { name: Name::parse(&format!("Ada {number}")).ok(), email: None };
        store.update_user(id, &change, None, Some(1), &event()).await.unwrap()
    });
    let (won, lost): (Vec<_>, Vec<_>) = changed.await.into_iter().partition(Result::is_ok);
    assert!(lost.len() == 99 && lost.iter().all(|lost| *lost == Err(Unchanged::Stale)), "{lost:?}");
    assert_eq!(store.user(id).await.unwrap().unwrap(), won[0].clone().unwrap());
    assert_eq!(won[0].as_ref().unwrap().revision, 2);
}

async fn one_of_two_changes_to_one_email_wins(store: Case) {
    for id in 1..=20 {
        store.create_user(&new_user(id, &format!("user{id}@example.com")), None, None, &event()).await.unwrap();
    }
    let changed = at_once(&store, 20, |store, number| async move {
        let change = UserChange { name: None, email: Email::parse("new@example.com").ok() };
        store.update_user(UserId::from_u128(number + 1), &change, None, None, &event()).await.unwrap()
    });
    let lost = changed.await.into_iter().filter(|changed| *changed == Err(Unchanged::EmailTaken)).count();
    assert_eq!(lost, 19);
}

/// One complete set remains of concurrent changes of the roles, and each lost role raises the generation.
async fn roles_set_at_once_leave_one_set(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    let id = ada.id;
    let set = at_once(&store, 20, |store, number| async move {
        store.set_roles(id, &Roles::from_text(&format!("r{number}")), None, stamp(), &event()).await.unwrap().unwrap()
    });
    set.await;
    let user = store.user(ada.id).await.unwrap().unwrap();
    // Each change after the first one removes a role.
    assert_eq!((user.roles.words().len(), user.revision, user.generation), (1, 21, 20));
    let mut found = 0;
    for number in 0..20 {
        let filter = Filter { role: Role::parse(&format!("r{number}")), ..Filter::default() };
        found += store.list_users(&filter, None, 9).await.unwrap().len();
    }
    assert_eq!(found, 1, "only this role finds the user");
}

async fn one_set_of_roles_wins_for_one_revision(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    let id = ada.id;
    let set = at_once(&store, 20, |store, number| async move {
        store.set_roles(id, &Roles::from_text(&format!("r{number}")), Some(1), stamp(), &event()).await.unwrap()
    });
    let lost = set.await.into_iter().filter(|set| *set == Err(Unchanged::Stale)).count();
    assert_eq!((lost, store.user(id).await.unwrap().unwrap().revision), (19, 2));
}

async fn states_set_at_once_follow_each_other(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    let id = ada.id;
    let set = at_once(&store, 40, |store, number| async move {
        let state = if number % 2 == 0 { UserState::Disabled } else { UserState::Active };
        (state, store.set_state(id, state, None, stamp(), &event()).await.unwrap().unwrap().user.state)
    });
    assert!(set.await.into_iter().all(|(wanted, got)| wanted == got), "each call returns the requested state");
    let user = store.user(id).await.unwrap().unwrap();
    // Every other change disabled the user, and each of those raised the generation.
    let (changes, bars) = (user.revision - 1, user.generation - 1);
    assert_eq!(bars, (changes + 1) / 2);
    assert_eq!(user.state == UserState::Disabled, changes % 2 == 1);
}

async fn one_state_wins_for_one_revision(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    let id = ada.id;
    let set = at_once(&store, 20, |store, _| async move {
        store.set_state(id, UserState::Disabled, Some(1), stamp(), &event()).await.unwrap()
    });
    let lost = set.await.into_iter().filter(|set| *set == Err(Unchanged::Stale)).count();
    let user = store.user(id).await.unwrap().unwrap();
    assert_eq!((lost, user.revision, user.generation), (19, 2, 2));
}

async fn user_is_deleted_once(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    let id = ada.id;
    let deleted = at_once(&store, 20, |store, _| async move {
        store.delete_user(id, None, stamp(), "erased", &event()).await.unwrap()
    });
    let lost = deleted.await.into_iter().filter(|deleted| *deleted == Err(Unchanged::NotFound)).count();
    assert_eq!(lost, 19);
}

async fn request_sent_twenty_times_at_once_writes_once(store: Case) {
    let fingerprint = Fingerprint::from_fields(&["ada"]);
    let key = RequestKey { caller: String::new(), method: "CreateUser", id: RequestId::from_u128(7), fingerprint };
    let created = at_once(&store, 20, |store, id| {
        let key = key.clone();
        async move {
            let user = new_user(id, &format!("user{id}@example.com"));
            store.create_user(&user, Some(starting(&session(100 + id, &user))), Some(&key), &event()).await.unwrap()
        }
    });
    let repeated = created.await.into_iter().filter(|created| *created == Created::Repeated).count();
    assert_eq!(repeated, 19);
    let users = store.list_users(&Filter::default(), None, 99).await.unwrap();
    assert_eq!(users.len(), 1, "one row");
    assert_eq!(requests::find::<UserId>(store.db(), &key, start()).await.unwrap(), Some(Earlier::Same(users[0].id)));
}

on_both_engines!(crate::support::Case:
    one_of_hundred_registrations_of_one_email_wins,
    one_of_hundred_changes_for_one_revision_wins,
    one_of_two_changes_to_one_email_wins,
    roles_set_at_once_leave_one_set,
    one_set_of_roles_wins_for_one_revision,
    states_set_at_once_follow_each_other,
    one_state_wins_for_one_revision,
    user_is_deleted_once,
    request_sent_twenty_times_at_once_writes_once,
);
