//! Repeated requests: remembered for a day, in the transaction that does their work.

use auth_service::domain::UserId;
use auth_service::store::Created;
use db::requests::{self, Earlier};
use kit::request_id::{Fingerprint, REQUEST_ID_LIFETIME, RequestId, RequestKey};
use testkit::{on_both_engines, start};

use crate::support::{Case, event, new_user};

fn key(caller: &str, id: u128, said: &str) -> RequestKey {
    let fingerprint = Fingerprint::from_fields(&[said]);
    RequestKey { caller: caller.into(), method: "CreateUser", id: RequestId::from_u128(id), fingerprint }
}

async fn request_is_known_by_caller_method_id_and_content(store: Case) {
    let (ada, key_of_ada) = (new_user(1, "ada@example.com"), key("", 7, "ada"));
    assert_eq!(requests::find::<UserId>(store.db(), &key_of_ada, start()).await.unwrap(), None);
    assert!(matches!(store.create_user(&ada, None, Some(&key_of_ada), &event()).await.unwrap(), Created::User(_)));
    assert_eq!(requests::find::<UserId>(store.db(), &key_of_ada, start()).await.unwrap(), Some(Earlier::Same(ada.id)));
    assert_eq!(requests::find::<UserId>(store.db(), &key("", 7, "bob"), start()).await.unwrap(), Some(Earlier::Other));
    for other in [key("somebody", 7, "ada"), key("", 8, "ada"), RequestKey { method: "Other", ..key_of_ada.clone() }] {
        assert_eq!(requests::find::<UserId>(store.db(), &other, start()).await.unwrap(), None, "{other:?}");
    }
    let twin = new_user(2, "bob@example.com");
    assert_eq!(store.create_user(&twin, None, Some(&key_of_ada), &event()).await.unwrap(), Created::Repeated);
    assert!(store.user(twin.id).await.unwrap().is_none(), "the repetition wrote nothing");
}

async fn failed_request_is_not_known(store: Case) {
    store.create_user(&new_user(1, "ada@example.com"), None, None, &event()).await.unwrap();
    let taken = new_user(2, "ada@example.com");
    assert_eq!(store.create_user(&taken, None, Some(&key("", 7, "ada")), &event()).await.unwrap(), Created::EmailTaken);
    assert_eq!(requests::find::<UserId>(store.db(), &key("", 7, "ada"), start()).await.unwrap(), None);
}

async fn request_is_forgotten_after_a_day(store: Case) {
    for id in 1..=40 {
        let user = new_user(id, &format!("user{id}@example.com"));
        store.create_user(&user, None, Some(&key("", id, "first")), &event()).await.unwrap();
    }
    let (before, after) =
        (start() + REQUEST_ID_LIFETIME - chrono::TimeDelta::microseconds(1), start() + REQUEST_ID_LIFETIME);
    assert_eq!(
        requests::find::<UserId>(store.db(), &key("", 40, "first"), before).await.unwrap(),
        Some(Earlier::Same(UserId::from_u128(40)))
    );
    assert_eq!(requests::find::<UserId>(store.db(), &key("", 40, "first"), after).await.unwrap(), None);
    // More rows have expired than one request removes. Even so, the id of an expired request is free.
    let mut late = new_user(41, "late@example.com");
    late.create_time = after;
    let made = store.create_user(&late, None, Some(&key("", 40, "second")), &event()).await.unwrap();
    assert!(matches!(made, Created::User(_)), "{made:?}");
    assert_eq!(
        requests::find::<UserId>(store.db(), &key("", 40, "second"), after).await.unwrap(),
        Some(Earlier::Same(late.id))
    );
}

on_both_engines!(crate::support::Case:
    request_is_known_by_caller_method_id_and_content,
    failed_request_is_not_known,
    request_is_forgotten_after_a_day,
);
