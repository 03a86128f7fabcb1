//! Repeated requests write once and are remembered for a day. Also the key that replicas share.

use blog_service::domain::{AuthorId, PostId, PostView};
use blog_service::store::{NewPost, NotCreated};
use chrono::TimeDelta;
use db::requests::{self, Earlier};
use db::secrets;
use kit::request_id::{Fingerprint, REQUEST_ID_LIFETIME, RequestKey};
use testkit::{on_both_engines, start};

use crate::support::{Case, key, new_post};

async fn repeated_request_writes_once(store: Case) {
    let key = key(7);
    assert_eq!(requests::find::<PostId>(store.db(), &key, start()).await.unwrap(), None);
    let post = store.create_post(new_post(1), Some(&key)).await.unwrap().unwrap();
    assert_eq!(store.create_post(new_post(2), Some(&key)).await.unwrap(), Err(NotCreated::Repeated));
    assert_eq!(requests::find::<PostId>(store.db(), &key, start()).await.unwrap(), Some(Earlier::Same(post.id)));
    assert_eq!(store.post(PostId::from_u128(2), PostView::Basic).await.unwrap(), None, "the repetition wrote nothing");
}

async fn request_is_forgotten_after_a_day(store: Case) {
    store.create_post(new_post(1), Some(&key(7))).await.unwrap().unwrap();
    let (before, after) = (start() + REQUEST_ID_LIFETIME - TimeDelta::microseconds(1), start() + REQUEST_ID_LIFETIME);
    assert!(requests::find::<PostId>(store.db(), &key(7), before).await.unwrap().is_some());
    assert_eq!(requests::find::<PostId>(store.db(), &key(7), after).await.unwrap(), None);
    let late = NewPost { create_time: after, ..new_post(2) };
    let post = store.create_post(late, Some(&key(7))).await.unwrap().unwrap();
    assert_eq!(requests::find::<PostId>(store.db(), &key(7), after).await.unwrap(), Some(Earlier::Same(post.id)));
}

async fn request_of_a_wrong_clock_is_forgotten_after_a_day(store: Case) {
    let (now, future) = (start(), start() + TimeDelta::minutes(1));
    for (id, ahead) in [(2, TimeDelta::days(3)), (1, TimeDelta::zero())] {
        let post = NewPost { create_time: now + ahead, ..new_post(id) };
        store.create_post(post, Some(&key(id))).await.unwrap().unwrap();
    }
    assert_eq!(requests::repair_times(store.db(), now, future).await.unwrap(), 1);
    assert_eq!(requests::repair_times(store.db(), now, future).await.unwrap(), 0, "once");
    for id in [1, 2] {
        assert!(requests::find::<PostId>(store.db(), &key(id), now).await.unwrap().is_some());
        assert_eq!(requests::find::<PostId>(store.db(), &key(id), now + REQUEST_ID_LIFETIME).await.unwrap(), None);
    }
}

async fn another_request_under_the_same_id_is_distinct(store: Case) {
    store.create_post(new_post(1), Some(&key(7))).await.unwrap().unwrap();
    let other = RequestKey { fingerprint: Fingerprint::from_fields(&["other"]), ..key(7) };
    assert_eq!(requests::find::<PostId>(store.db(), &other, start()).await.unwrap(), Some(Earlier::Other));
    let callers = RequestKey { caller: AuthorId::NIL.to_string(), ..key(7) };
    assert_eq!(requests::find::<PostId>(store.db(), &callers, start()).await.unwrap(), None);
}

async fn first_page_token_key_is_the_one_kept(store: Case) {
    assert_eq!(secrets::page_token_key(store.db(), [1; 64]).await.unwrap(), [1; 64]);
    assert_eq!(secrets::page_token_key(store.db(), [2; 64]).await.unwrap(), [1; 64]);
    let store = store.reopened().await;
    assert_eq!(secrets::page_token_key(store.db(), [3; 64]).await.unwrap(), [1; 64]);
}

on_both_engines!(crate::support::Case:
    repeated_request_writes_once,
    request_is_forgotten_after_a_day,
    request_of_a_wrong_clock_is_forgotten_after_a_day,
    another_request_under_the_same_id_is_distinct,
    first_page_token_key_is_the_one_kept,
);
