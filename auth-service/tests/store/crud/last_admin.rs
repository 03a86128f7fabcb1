//! The last active admin stays an active admin.

use auth_service::domain::{NewUser, Roles, UserState};
use auth_service::store::Unchanged;
use testkit::on_both_engines;

use crate::support::{Case, event, new_user, stamp};

fn admin(id: u128) -> NewUser {
    NewUser { roles: Roles::from_text("editor admin"), ..new_user(id, &format!("admin{id}@example.com")) }
}

async fn last_admin_is_neither_demoted_disabled_nor_deleted(store: Case) {
    let (ada, bob) = (admin(1), new_user(2, "bob@example.com"));
    for user in [&ada, &bob] {
        store.create_user(user, None, None, &event()).await.unwrap();
    }
    let before = store.user(ada.id).await.unwrap().unwrap();
    let editor = Roles::from_text("editor");
    assert_eq!(store.set_roles(ada.id, &editor, None, stamp(), &event()).await.unwrap(), Err(Unchanged::LastAdmin));
    let barred = store.set_state(ada.id, UserState::Disabled, None, stamp(), &event()).await.unwrap();
    assert_eq!(barred, Err(Unchanged::LastAdmin));
    assert_eq!(store.delete_user(ada.id, None, stamp(), "erased", &event()).await.unwrap(), Err(Unchanged::LastAdmin));
    assert_eq!(
        store.delete_user(ada.id, Some(9), stamp(), "erased", &event()).await.unwrap(),
        Err(Unchanged::Stale),
        "the etag is checked first"
    );
    assert_eq!(store.user(ada.id).await.unwrap(), Some(before), "the refused changes wrote nothing");
    store.set_roles(ada.id, &Roles::admin(), None, stamp(), &event()).await.unwrap().unwrap();
    store.delete_user(bob.id, None, stamp(), "erased", &event()).await.unwrap().unwrap();
}

async fn disabled_admin_does_not_count_and_can_be_deleted(store: Case) {
    for user in [admin(1), admin(2)] {
        store.create_user(&user, None, None, &event()).await.unwrap();
    }
    let (ada, bob) = (admin(1).id, admin(2).id);
    store.set_state(bob, UserState::Disabled, None, stamp(), &event()).await.unwrap().unwrap();
    let barred = store.set_state(ada, UserState::Disabled, None, stamp(), &event()).await.unwrap();
    assert_eq!(barred, Err(Unchanged::LastAdmin));
    store.set_state(bob, UserState::Disabled, None, stamp(), &event()).await.unwrap().unwrap();
    store.set_roles(bob, &Roles::default(), None, stamp(), &event()).await.unwrap().unwrap();
    store.set_roles(bob, &Roles::admin(), None, stamp(), &event()).await.unwrap().unwrap();
    store.delete_user(bob, None, stamp(), "erased", &event()).await.unwrap().unwrap();
}

on_both_engines!(crate::support::Case:
    last_admin_is_neither_demoted_disabled_nor_deleted,
    disabled_admin_does_not_count_and_can_be_deleted,
);
