//! What happens at once: exactly one wins.

use auth_service::domain::{Name, Roles, UserChange};
use auth_service::store::{Created, StoreError, Unchanged};
use kit::testing::{on_both_engines, start};
use tokio::task::JoinSet;

use super::support::{Case, new_user};

async fn c61_of_a_hundred_registrations_of_one_email_exactly_one_wins(store: Case) {
    let mut all = JoinSet::new();
    for id in 0..100 {
        let store = (*store).clone();
        all.spawn(async move { store.create_user(&new_user(id, "ada@example.com"), None, None).await });
    }
    let mut won = 0;
    while let Some(created) = all.join_next().await {
        match created.unwrap() {
            Ok(Created::User(_)) => won += 1,
            Ok(Created::EmailTaken | Created::Repeated) | Err(StoreError::Unavailable(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(won, 1);
}

async fn of_a_hundred_changes_for_one_revision_exactly_one_wins(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None).await.unwrap();
    let mut all = JoinSet::new();
    for number in 0..100 {
        let (store, id) = ((*store).clone(), ada.id);
        let change = UserChange { name: Name::parse(&format!("Ada {number}")).ok(), email: None };
        all.spawn(async move { store.update_user(id, &change, None, Some(1), start()).await });
    }
    let mut won = 0;
    while let Some(changed) = all.join_next().await {
        match changed.unwrap() {
            Ok(Ok(_)) => won += 1,
            Ok(Err(Unchanged::Stale)) | Err(StoreError::Unavailable(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((won, store.user(ada.id).await.unwrap().unwrap().revision), (1, 2));
}

async fn roles_set_at_once_leave_one_set_whole_and_count_each_loss(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None).await.unwrap();
    let mut all = JoinSet::new();
    for number in 0..20 {
        let (store, id) = ((*store).clone(), ada.id);
        let roles = Roles::from_text(&format!("r{number}"));
        all.spawn(async move { store.set_roles(id, &roles, None, start()).await });
    }
    while let Some(set) = all.join_next().await {
        set.unwrap().unwrap().unwrap();
    }
    let user = store.user(ada.id).await.unwrap().unwrap();
    // Each but the first took a role away.
    assert_eq!((user.roles.words().len(), user.revision, user.generation), (1, 21, 20));
}

on_both_engines!(crate::support::Case: c61_of_a_hundred_registrations_of_one_email_exactly_one_wins, of_a_hundred_changes_for_one_revision_exactly_one_wins, roles_set_at_once_leave_one_set_whole_and_count_each_loss);
