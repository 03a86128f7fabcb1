//! Admins who demote, disable or delete each other at once.

use auth_service::domain::{NewUser, Roles, User, UserId, UserState};
use auth_service::store::{AuthStore, Filter, Unchanged};
use testkit::on_both_engines;

use super::at_once;
use crate::support::{Case, event, new_user, stamp};

const ADMINS: u128 = 6;

/// Removes each of six admins at the same moment; returns the active admins that remain, and each call's result.
async fn remove<F>(store: &Case, remove: impl Fn(AuthStore, UserId) -> F) -> (Vec<User>, Vec<Result<(), Unchanged>>)
where
    F: Future<Output = Result<(), Unchanged>> + Send + 'static,
{
    for id in 1..=ADMINS {
        let user = NewUser { roles: Roles::admin(), ..new_user(id, &format!("admin{id}@example.com")) };
        store.create_user(&user, None, None, &event()).await.unwrap();
    }
    let ended = at_once(store, ADMINS, |store, number| remove(store, UserId::from_u128(number + 1))).await;
    let mut left = store.list_users(&Filter::default(), None, 99).await.unwrap();
    left.retain(|user| user.state == UserState::Active && user.roles.is_admin());
    (left, ended)
}

#[track_caller]
fn one_is_left((left, ended): (Vec<User>, Vec<Result<(), Unchanged>>)) {
    let refused = ended.iter().filter(|ended| **ended == Err(Unchanged::LastAdmin)).count();
    assert_eq!((left.len(), refused), (1, 1), "{ended:?}");
}

async fn admins_demoted_at_once_leave_one(store: Case) {
    let demote = |store: AuthStore, id| async move {
        store.set_roles(id, &Roles::default(), None, stamp(), &event()).await.unwrap().map(drop)
    };
    one_is_left(remove(&store, demote).await);
}

async fn admins_disabled_at_once_leave_one(store: Case) {
    let disable = |store: AuthStore, id| async move {
        store.set_state(id, UserState::Disabled, None, stamp(), &event()).await.unwrap().map(drop)
    };
    one_is_left(remove(&store, disable).await);
}

async fn admins_removed_in_three_ways_leave_one(store: Case) {
    let out = |store: AuthStore, id: UserId| async move {
        match id.as_u128() % 3 {
            0 => store.set_roles(id, &Roles::default(), None, stamp(), &event()).await.unwrap().map(drop),
            1 => store.set_state(id, UserState::Disabled, None, stamp(), &event()).await.unwrap().map(drop),
            _ => store.delete_user(id, None, stamp(), "erased", &event()).await.unwrap().map(drop),
        }
    };
    one_is_left(remove(&store, out).await);
}

on_both_engines!(crate::support::Case:
    admins_demoted_at_once_leave_one,
    admins_disabled_at_once_leave_one,
    admins_removed_in_three_ways_leave_one,
);
