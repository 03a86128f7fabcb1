//! A failed transaction writes nothing: here each method fails at its last statement.

use std::time::Duration;

use auth_service::domain::{Allowance, Client, Name, NewUser, Role, Roles, Session, UserChange, UserId, UserState};
use auth_service::store::{AllowanceKind, Created, Filter, StoreError};
use db::requests;
use kit::request_id::{Fingerprint, RequestId, RequestKey};
use testkit::{on_both_engines, start};
use tokio::task::JoinSet;

use crate::support::{Case, another_admin, event, lives, new_user, session, stamp, starting, wrong};

async fn taken_email_leaves_neither_user_nor_session(store: Case) {
    store.create_user(&new_user(1, "ada@example.com"), None, None, &event()).await.unwrap();
    let late = new_user(2, "ADA@example.com");
    let session = session(10, &late);
    assert_eq!(store.create_user(&late, Some(starting(&session)), None, &event()).await.unwrap(), Created::EmailTaken);
    assert!(store.user(late.id).await.unwrap().is_none());
}

async fn failed_session_leaves_no_user(store: Case) {
    let (ada, nobody) = (new_user(1, "ada@example.com"), new_user(2, "nobody@example.com"));
    // The session of a user without a row breaks the foreign key.
    assert!(store.create_user(&ada, Some(starting(&session(10, &nobody))), None, &event()).await.is_err());
    assert!(store.user(ada.id).await.unwrap().is_none());
    assert!(
        matches!(store.create_user(&ada, None, None, &event()).await.unwrap(), Created::User(_)),
        "the store still works"
    );
}

async fn refused_last_row_leaves_neither_role_nor_request(store: Case) {
    let ada = NewUser { roles: Roles::from_text("admin editor"), ..new_user(1, "ada@example.com") };
    let begun = session(10, &ada);
    let fingerprint = Fingerprint::from_fields(&["ada"]);
    let key = RequestKey { caller: String::new(), method: "CreateUser", id: RequestId::from_u128(7), fingerprint };
    let create = async || store.create_user(&ada, Some(starting(&begun)), Some(&key), &event()).await;

    store.database.refuse("insert", "sessions").await;
    assert!(matches!(create().await, Err(StoreError::Fault(_))));
    assert_eq!(store.user(ada.id).await.unwrap(), None);
    assert_eq!(requests::find::<UserId>(store.db(), &key, start()).await.unwrap(), None);
    store.database.accept("sessions").await;
    // The same rows once more: a remaining role would conflict.
    assert!(matches!(create().await, Ok(Created::User(_))));
    assert!(lives(&store, ada.id, begun.id).await);
}

async fn refused_role_leaves_the_earlier_roles(store: Case) {
    store.create_user(&another_admin(), None, None, &event()).await.unwrap();
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, None, None, &event()).await.unwrap();
    let before =
        store.set_roles(ada.id, &Roles::from_text("admin"), None, stamp(), &event()).await.unwrap().unwrap().user;
    // The second `editor` breaks the key of the roles, as the last statement.
    let twice = store.set_roles(ada.id, &Roles::from_text("editor editor"), None, stamp(), &event()).await;
    assert!(matches!(twice, Err(StoreError::Taken(_))), "{twice:?}");
    store.database.refuse("insert", "user_roles").await;
    let refused = store.set_roles(ada.id, &Roles::from_text("editor"), None, stamp(), &event()).await;
    assert!(matches!(refused, Err(StoreError::Fault(_))), "{refused:?}");
    assert_eq!(store.user(ada.id).await.unwrap().as_ref(), Some(&before));
    for (role, found) in [("admin", 2), ("editor", 0)] {
        let filter = Filter { role: Role::parse(role), ..Filter::default() };
        assert_eq!(store.list_users(&filter, None, 9).await.unwrap().len(), found, "{role}");
    }
}

async fn refused_session_leaves_the_password(store: Case) {
    let ada = new_user(1, "ada@example.com");
    let begun = session(10, &ada);
    store.create_user(&ada, Some(starting(&begun)), None, &event()).await.unwrap();
    // There is a session with this id already.
    let own = Session { generation: 2, ..begun.clone() };
    let refused = store.change_password(1, "$argon2id$new", &own, &Client::default(), stamp(), &event()).await;
    assert!(matches!(refused, Err(StoreError::Taken(_))), "{refused:?}");
    let read = store.proof_trial(ada.id, "").await.unwrap().found.unwrap();
    assert_eq!((read.password_hash, read.user.generation), (ada.password_hash.clone(), 1));
    assert!(lives(&store, ada.id, begun.id).await);
}

/// A user stays, with all sessions, if the deletion cannot be recorded.
async fn user_whose_deletion_is_not_recorded_stays(store: Case) {
    store.create_user(&another_admin(), None, None, &event()).await.unwrap();
    let ada = NewUser { roles: Roles::admin(), ..new_user(1, "ada@example.com") };
    let begun = session(10, &ada);
    store.create_user(&ada, Some(starting(&begun)), None, &event()).await.unwrap();
    store.database.refuse("insert", "deleted_users").await;
    assert!(matches!(store.delete_user(ada.id, None, stamp(), "erased", &event()).await, Err(StoreError::Fault(_))));
    assert!(lives(&store, ada.id, begun.id).await);
    let admins = Filter { role: Role::parse("admin"), ..Filter::default() };
    assert_eq!(store.list_users(&admins, None, 9).await.unwrap().len(), 2);
    store.database.accept("deleted_users").await;
    assert!(store.delete_user(ada.id, None, stamp(), "erased", &event()).await.unwrap().is_ok());
}

async fn failure_that_cannot_clean_up_is_not_counted(store: Case) {
    const ACCOUNT: [u8; 32] = [7; 32];
    let allowance = Allowance { burst: 2, per_minute: 60 };
    store.add_failure(wrong(&[], allowance), "192.0.2.8", start()).await.unwrap();
    store.database.refuse("delete", "allowances").await;
    // By now the row of the other address has expired; its removal is the last statement of both calls.
    let later = start() + Duration::from_hours(1);
    let added = store.add_failure(wrong(&[ACCOUNT], allowance), "192.0.2.7", later).await;
    let used = store.use_allowance(AllowanceKind::SignUp, "192.0.2.7", allowance, later).await;
    assert!(matches!((added, used), (Err(StoreError::Fault(_)), Err(StoreError::Fault(_)))));
    assert_eq!(store.failures(&ACCOUNT).await.unwrap(), None);
    for kind in [AllowanceKind::Failure, AllowanceKind::SignUp] {
        assert_eq!(store.allowance(kind, "192.0.2.7").await.unwrap(), None);
    }
}

async fn refused_statement_leaves_the_row_as_it_was(store: Case) {
    let ada = new_user(1, "ada@example.com");
    let begun = session(10, &ada);
    store.create_user(&ada, Some(starting(&begun)), None, &event()).await.unwrap();
    let before = store.user(ada.id).await.unwrap();
    store.database.refuse("update", "users").await;
    let change = UserChange { name: Name::parse("Eve").ok(), email: None };
    assert!(store.update_user(ada.id, &change, None, None, &event()).await.is_err());
    assert!(store.set_state(ada.id, UserState::Disabled, None, stamp(), &event()).await.is_err());
    assert!(store.end_all_sessions(ada.id, stamp(), &event()).await.is_err());
    store.database.accept("users").await;
    store.database.refuse("update", "sessions").await;
    assert!(store.end_session(begun.id, stamp(), &event()).await.is_err());
    assert!(store.revoke_session(begun.id, None, stamp(), &event()).await.is_err());
    assert_eq!(store.user(ada.id).await.unwrap(), before);
    assert!(lives(&store, ada.id, begun.id).await);
}

/// A write that breaks a rule does not hurt concurrent writes.
async fn broken_rule_does_not_hurt_concurrent_writes(store: Case) {
    let nobody = new_user(1000, "nobody@example.com");
    let mut all = JoinSet::new();
    for id in 0..40 {
        let (store, nobody) = ((*store).clone(), nobody.clone());
        all.spawn(async move {
            let user = new_user(id, &format!("user{id}@example.com"));
            let first = session(100 + id, if id % 2 == 0 { &user } else { &nobody });
            (id, store.create_user(&user, Some(starting(&first)), None, &event()).await)
        });
    }
    while let Some(created) = all.join_next().await {
        let (id, created) = created.unwrap();
        let is_as_it_should = if id % 2 == 0 {
            matches!(created, Ok(Created::User(_)))
        } else {
            matches!(created, Err(StoreError::Fault(_)))
        };
        assert!(is_as_it_should, "{id}: {created:?}");
    }
    let users = store.list_users(&Filter::default(), None, 100).await.unwrap();
    assert!(users.len() == 20 && users.iter().all(|user| user.id.as_u128() % 2 == 0));
}

on_both_engines!(crate::support::Case:
    taken_email_leaves_neither_user_nor_session,
    failed_session_leaves_no_user,
    refused_last_row_leaves_neither_role_nor_request,
    refused_role_leaves_the_earlier_roles,
    refused_session_leaves_the_password,
    user_whose_deletion_is_not_recorded_stays,
    failure_that_cannot_clean_up_is_not_counted,
    refused_statement_leaves_the_row_as_it_was,
    broken_rule_does_not_hurt_concurrent_writes,
);
