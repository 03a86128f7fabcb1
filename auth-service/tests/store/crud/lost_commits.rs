//! A database that lacks commits: all that they may have ended is ended.

use auth_service::domain::LogId;
use auth_service::store::ApiKeyFate;
use testkit::{on_both_engines, start};

use crate::support::{Case, event, lives, new_user, session, starting};

async fn all_is_ended_in_a_new_log(store: Case) {
    let (ada, first) = (new_user(1, "ada@example.com"), session(10, &new_user(1, "ada@example.com")));
    store.create_user(&ada, Some(starting(&first)), None, &event()).await.unwrap();
    let mut reader = store.log_reader();
    let before = reader.poll(0).await.unwrap();
    for fate in [ApiKeyFate::Kept, ApiKeyFate::Revoked] {
        store.end_all(fate, LogId([9; 16]), start()).await.unwrap();
        assert!(!lives(&store, ada.id, first.id).await);
    }
    let after = reader.poll(0).await.unwrap();
    reader.close().await;
    assert_eq!((after.log, after.head), (LogId([9; 16]), before.head));
    assert!(after.horizon.kills(start().timestamp() + 100, before.horizon.era), "a token of the earlier era");
}

async fn database_without_a_loss_accepts_one(store: Case) {
    assert_eq!(store.loss(), None);
    store.accept_loss().await.unwrap();
    store.forget_witness().await.unwrap();
    store.create_user(&new_user(1, "ada@example.com"), None, None, &event()).await.unwrap();
    assert_eq!(store.loss(), None);
}

on_both_engines!(crate::support::Case: all_is_ended_in_a_new_log, database_without_a_loss_accepts_one);
