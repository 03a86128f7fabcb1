//! A second store on the database of a running service, as an operator's command opens it.

use auth_service::domain::{Revocation, Role};
use auth_service::store::{AuthStore, Filter};
use testkit::on_both_engines;

use crate::support::{Case, event, new_user, stamp};

async fn two_stores_read_and_write_beside_each_other(store: Case) {
    let beside = AuthStore::open_beside(&store.database.url).await.unwrap();
    store.create_user(&new_user(1, "ada@example.com"), None, None, &event()).await.unwrap();
    let unmatched = Filter { role: Role::parse("nobody"), ..Filter::default() };
    assert!(beside.list_users(&unmatched, None, 10).await.unwrap().is_empty());
    let all = Filter::default();
    assert_eq!(beside.list_users(&all, None, 10).await.unwrap().len(), 1);
    let ours = beside.revoke(&Revocation::NewSigningKeys, stamp()).await.unwrap();
    let theirs = store.revoke(&Revocation::NewSigningKeys, stamp()).await.unwrap();
    assert_eq!(theirs.revision, ours.revision + 1);
    beside.close().await;
    let store = store.reopened().await;
    assert_eq!(
        store.list_users(&all, None, 10).await.unwrap().len(),
        1,
        "the user is still there after both stores were closed"
    );
}

on_both_engines!(crate::support::Case:
    two_stores_read_and_write_beside_each_other,
);
