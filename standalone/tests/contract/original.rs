//! Faults of the tutorial from which this project started, and of its published copies. This project must not have
//! these faults.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use blog_service::api::v1::{CreatePostRequest, PostPatch};
use gatepost_server::dynamic;
use hmac::{Hmac, KeyInit as _, Mac as _};
use prost::Message as _;
use prost_reflect::MessageDescriptor;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::task::JoinSet;
use tonic::Status;

use super::cast::Stage;
use super::raw::field;
use super::row::{Outcome, Who};
use super::support::{
    CREATE_POST, CREATE_USER, DELETE_USER, GET_ME, GET_POST, LIST_POSTS, LOGIN, NEW_PASSWORD, PASSWORD, World, said,
    text,
};
use super::table;

const BATCH_GET_POSTS: &str = "gatepost.blog.v1.PostService/BatchGetPosts";
const UPDATE_POST: &str = "gatepost.blog.v1.PostService/UpdatePost";
const DELETE_POST: &str = "gatepost.blog.v1.PostService/DeletePost";
const CHANGE_PASSWORD: &str = "gatepost.auth.v1.UserService/ChangePassword";
const UPDATE_USER: &str = "gatepost.auth.v1.UserService/UpdateUser";
const LIST_USERS: &str = "gatepost.auth.v1.UserService/ListUsers";
const DISABLE_USER: &str = "gatepost.auth.v1.UserService/DisableUser";
const LIST_SESSIONS: &str = "gatepost.auth.v1.SessionService/ListSessions";
const LIST_SIGNING_KEYS: &str = "gatepost.auth.v1.TokenService/ListSigningKeys";

const TOKEN_MISSING: &str = "Unauthenticated auth.gatepost.dev TOKEN_MISSING: Authentication token not provided";
const TOKEN_INVALID: &str = "Unauthenticated auth.gatepost.dev TOKEN_INVALID: invalid token";
const TOKEN_REVOKED: &str = "Unauthenticated auth.gatepost.dev TOKEN_REVOKED: invalid token";
const USER_DELETED: &str = "Unauthenticated auth.gatepost.dev USER_DELETED: user does not exist, bad token";
const USER_DISABLED: &str = "Unauthenticated auth.gatepost.dev USER_DISABLED: user is disabled, bad token";
const INVALID_CREDENTIALS: &str = "Unauthenticated auth.gatepost.dev INVALID_CREDENTIALS: invalid credentials";
const NOT_ALLOWED: &str = "PermissionDenied auth.gatepost.dev NOT_ALLOWED: permission denied";
const NOT_POST_OWNER: &str = "PermissionDenied blog.gatepost.dev NOT_POST_OWNER: permission denied";
const EMAIL_TAKEN: &str =
    "AlreadyExists auth.gatepost.dev EMAIL_TAKEN: User already exists, please supply another email address";

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, Status>, wanted: &str) {
    assert_eq!(said(&outcome.unwrap_err()), wanted);
}

/// Fault 1: a read by the owner deletes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn read_by_the_owner_deletes_nothing() {
    let world = World::start(&[]).await;
    let owner = world.person().await;
    let post = world.post(&owner).await;
    let one = json!({"id": post["id"]});
    let some = json!({"ids": [post["id"]], "view": "POST_VIEW_FULL"});
    let page = json!({"view": "POST_VIEW_FULL"});
    for _ in 0..2 {
        let read = async |method, request| world.call(method, Some(owner.token()), request).await.unwrap();
        assert_eq!(read(GET_POST, one.clone()).await["post"], post);
        assert_eq!(read(BATCH_GET_POSTS, some.clone()).await, json!({"posts": [post]}));
        assert_eq!(read(LIST_POSTS, page.clone()).await, json!({"posts": [post]}));
    }
    world.stop();
}

/// Fault 2: a forged or garbled token is refused with a message.
#[tokio::test(flavor = "multi_thread")]
async fn forged_or_garbled_token_is_refused_in_words() {
    let world = World::start(&[]).await;
    let (owner, other) = (world.person().await, world.person().await);
    let parts: Vec<&str> = owner.token().split('.').collect();
    let others: Vec<&str> = other.token().split('.').collect();
    let reversed: String = parts[2].chars().rev().collect();
    for bad in [
        "garbled".to_owned(),
        "a.b.c".to_owned(),
        "...".to_owned(),
        "x".repeat(8192),
        parts[..2].join("."),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{reversed}", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], others[1], parts[2]),
        format!("{}.{}", owner.token(), parts[2]),
    ] {
        refused(world.call(GET_ME, Some(&bad), json!({})).await, TOKEN_INVALID);
        refused(world.call(LIST_POSTS, Some(&bad), json!({})).await, TOKEN_INVALID);
    }
    world.stop();
}

/// Fault 3: a wrong password is refused with a message.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_is_refused_in_words() {
    let world = World::start(&[]).await;
    let owner = world.person().await;
    for wrong in [NEW_PASSWORD, "", "\0", &PASSWORD.to_uppercase(), &format!("{PASSWORD} "), &"x".repeat(4096)] {
        refused(world.login(&owner.email, wrong).await, INVALID_CREDENTIALS);
    }
    refused(world.login("nobody@example.com", PASSWORD).await, INVALID_CREDENTIALS);
    world.login(&owner.email, PASSWORD).await.unwrap();
    world.stop();
}

/// Fault 4: no answer has a password or its hash. Searches the bytes of every answer to an admin, in which a column of
/// the database might leak.
#[tokio::test(flavor = "multi_thread")]
async fn answers_contain_no_password_and_no_hash() {
    let world = World::start(&[]).await;
    let stage = Stage::new(&world).await;
    let mut searched = BTreeSet::new();
    for (number, row) in table::rows().iter().enumerate() {
        let method = world.contract.method(row.method).unwrap();
        let names = field_names(&method.output());
        for name in names.iter().filter_map(|name| name.rsplit('.').next()) {
            assert!(!name.contains("password") && !name.contains("hash"), "{} returns {name}", row.method);
        }
        if !names.contains("gatepost.auth.v1.User.id") || row.outcome(Who::Admin) != Outcome::Ok {
            continue;
        }
        let cast = stage.cast(&world, row, Who::Admin).await;
        let request = serde_json::from_str(&cast.fill(row.request, number)).unwrap();
        let request = dynamic::request(&method, &request).unwrap().encode_to_vec();
        let answer = world.raw(row.method, cast.caller.token(), request).await.unwrap();
        assert!(holds(&answer, "@example.com"), "{} returns no user", row.method);
        for secret in ["$argon2", PASSWORD, NEW_PASSWORD] {
            assert!(!holds(&answer, secret), "{} returns {secret}", row.method);
        }
        searched.insert(row.method);
    }
    assert!(searched.len() >= 10, "{searched:?}");
    world.stop();
}

/// Returns the full names of all fields that a message can have, at any depth.
fn field_names(message: &MessageDescriptor) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut left = vec![message.clone()];
    while let Some(message) = left.pop() {
        for field in message.fields() {
            // A known field has no new fields below it.
            if names.insert(field.full_name().to_owned()) {
                left.extend(field.kind().as_message().cloned());
            }
        }
    }
    names
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Fault 5: a changed password works, and is stored as a hash.
#[tokio::test(flavor = "multi_thread")]
async fn changed_password_works_and_is_stored_as_a_hash() {
    let world = World::start(&[]).await;
    let owner = world.person().await;
    let request = json!({"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD});
    let answer = world.call(CHANGE_PASSWORD, Some(owner.token()), request).await.unwrap();
    world.call(GET_ME, Some(text(&answer, "/tokens/accessToken")), json!({})).await.unwrap();
    refused(world.call(GET_ME, Some(owner.token()), json!({})).await, TOKEN_REVOKED);
    refused(world.login(&owner.email, PASSWORD).await, INVALID_CREDENTIALS);
    world.login(&owner.email, NEW_PASSWORD).await.unwrap();

    // The database, its log and all other files of the services.
    let files = fs::read_dir(world.files()).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    let stored = files.collect::<Vec<_>>().concat();
    for kept in [owner.email.as_str(), "$argon2id$"] {
        assert!(holds(&stored, kept), "the search must find {kept}");
    }
    for secret in [PASSWORD, NEW_PASSWORD] {
        assert!(!holds(&stored, secret), "a password is stored in plaintext");
    }
    world.stop();
}

/// Fault 6: no update gives a post away.
#[tokio::test(flavor = "multi_thread")]
async fn update_does_not_change_the_owner_of_a_post() {
    let world = World::start(&[]).await;
    let (owner, other) = (world.person().await, world.person().await);
    let post = world.post(&owner).await;
    let id = post["id"].as_str().unwrap();
    for mask in ["ownerId", "title,ownerId", "patch.ownerId", "post.ownerId", "id", "revision", "createTime"] {
        let request = json!({"id": id, "patch": {"title": "Given away"}, "updateMask": mask});
        let status = world.call(UPDATE_POST, Some(owner.token()), request).await.unwrap_err();
        assert!(said(&status).starts_with("InvalidArgument blog.gatepost.dev INVALID_FIELDS: "), "{}", said(&status));
    }
    // Unknown fields, in which a service might look for the owner's id.
    let patch = PostPatch { title: Some("Still mine".into()), ..PostPatch::default() }.encode_to_vec();
    let patch = [patch, field(14, other.id.as_bytes()), field(15, other.id.as_bytes())].concat();
    let update = [field(1, id.as_bytes()), field(2, &patch), field(7, other.id.as_bytes())].concat();
    world.raw(UPDATE_POST, Some(owner.token()), update).await.unwrap();
    let create =
        CreatePostRequest { title: "Mine, too".into(), content: "Text.".into(), ..CreatePostRequest::default() };
    let create = [create.encode_to_vec(), field(14, other.id.as_bytes()), field(15, other.id.as_bytes())].concat();
    world.raw(CREATE_POST, Some(owner.token()), create).await.unwrap();

    let listed = world.call(LIST_POSTS, Some(owner.token()), json!({})).await.unwrap();
    let listed: Vec<_> =
        listed["posts"].as_array().unwrap().iter().map(|post| (&post["title"], &post["ownerId"])).collect();
    assert_eq!(listed, [(&json!("Mine, too"), &json!(owner.id)), (&json!("Still mine"), &json!(owner.id))]);
    refused(world.call(DELETE_POST, Some(other.token()), json!({"id": id})).await, NOT_POST_OWNER);
    world.stop();
}

/// Fault 7: a taken email in an update is refused with a message.
#[tokio::test(flavor = "multi_thread")]
async fn taken_email_on_update_is_refused_in_words() {
    let world = World::start(&[]).await;
    let (owner, other) = (world.person().await, world.person().await);
    let before = world.call(GET_ME, Some(owner.token()), json!({})).await.unwrap();
    let update = async |email: &str| {
        let request = json!({"id": "me", "patch": {"email": email}, "currentPassword": PASSWORD});
        world.call(UPDATE_USER, Some(owner.token()), request).await
    };
    refused(update(&other.email).await, EMAIL_TAKEN);
    refused(update(&other.email.to_uppercase()).await, EMAIL_TAKEN);
    assert_eq!(world.call(GET_ME, Some(owner.token()), json!({})).await.unwrap(), before);
    let own = update(&owner.email.to_uppercase()).await.unwrap();
    assert_eq!(text(&own, "/user/email"), owner.email.to_uppercase(), "the user's own email is not taken");
    world.stop();
}

/// Fault 8: a user who has posts can be deleted.
#[tokio::test(flavor = "multi_thread")]
async fn user_with_posts_can_be_deleted() {
    let world = World::start(&[]).await;
    let (owner, other) = (world.person().await, world.person().await);
    let post = world.post(&owner).await;
    let older = owner.token();
    let newer = world.login(&owner.email, PASSWORD).await.unwrap();
    world.call(DELETE_USER, Some(older), json!({"id": "me"})).await.unwrap();
    for token in [older, &newer] {
        refused(world.call(GET_ME, Some(token), json!({})).await, USER_DELETED);
        refused(world.call(GET_POST, Some(token), json!({"id": post["id"]})).await, USER_DELETED);
        refused(world.call(DELETE_POST, Some(token), json!({"id": post["id"]})).await, USER_DELETED);
    }
    refused(world.login(&owner.email, PASSWORD).await, INVALID_CREDENTIALS);
    let read = world.call(GET_POST, Some(other.token()), json!({"id": post["id"]})).await.unwrap();
    assert_eq!(read["post"], post, "the post stays, with its owner's id");
    world.stop();
}

/// Fault 9: failures of authentication and of permission have codes of their own.
#[tokio::test(flavor = "multi_thread")]
async fn authentication_and_permission_have_own_codes() {
    let world = World::start(&[]).await;
    let (owner, other) = (world.person().await, world.person().await);
    let (deleted, disabled) = (world.person().await, world.person().await);
    world.call(DELETE_USER, Some(&world.root), json!({"id": deleted.id})).await.unwrap();
    world.call(DISABLE_USER, Some(&world.root), json!({"id": disabled.id})).await.unwrap();
    let post = world.post(&owner).await;
    for (token, wanted) in [
        (None, TOKEN_MISSING),
        (Some("garbled"), TOKEN_INVALID),
        (Some(deleted.token()), USER_DELETED),
        (Some(disabled.token()), USER_DISABLED),
    ] {
        refused(world.call(GET_ME, token, json!({})).await, wanted);
        refused(world.call(DELETE_POST, token, json!({"id": post["id"]})).await, wanted);
    }
    let token = Some(other.token());
    refused(world.login(&other.email, NEW_PASSWORD).await, INVALID_CREDENTIALS);
    refused(world.call(DELETE_USER, token, json!({"id": owner.id})).await, NOT_ALLOWED);
    refused(world.call(DISABLE_USER, token, json!({"id": owner.id})).await, NOT_ALLOWED);
    refused(world.call(DELETE_POST, token, json!({"id": post["id"]})).await, NOT_POST_OWNER);
    let update = json!({"id": post["id"], "patch": {"title": "Mine"}});
    refused(world.call(UPDATE_POST, token, update).await, NOT_POST_OWNER);
    world.stop();
}

/// Fault 10: lists have pages.
#[tokio::test(flavor = "multi_thread")]
async fn lists_have_pages() {
    let world = World::start(&[]).await;
    let owner = world.person().await;
    for _ in 0..2 {
        world.person().await;
        world.post(&owner).await;
        world.login(&owner.email, PASSWORD).await.unwrap();
    }
    world.post(&owner).await;
    for (method, field, count) in [(LIST_POSTS, "posts", 3), (LIST_USERS, "users", 4), (LIST_SESSIONS, "sessions", 3)] {
        let whole = world.call(method, Some(owner.token()), json!({})).await.unwrap();
        let whole = whole[field].as_array().unwrap();
        assert_eq!(whole.len(), count, "{method}");
        let mut read = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = json!({"pageSize": 1, "pageToken": page_token});
            let page = world.call(method, Some(owner.token()), request).await.unwrap();
            let items = page[field].as_array().unwrap();
            assert_eq!(items.len(), 1, "{method}");
            read.extend_from_slice(items);
            text(&page, "/nextPageToken").clone_into(&mut page_token);
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(&read, whole, "{method}");
    }
    world.stop();
}

/// Fault 11: no token chooses its algorithm.
#[tokio::test(flavor = "multi_thread")]
async fn token_does_not_choose_its_algorithm() {
    let world = World::start(&[]).await;
    let owner = world.person().await;
    let keys = world.call(LIST_SIGNING_KEYS, None, json!({})).await.unwrap();
    let jwk = text(&keys, "/keys/0/jwkJson");
    let public = URL_SAFE_NO_PAD.decode(text(&serde_json::from_str(jwk).unwrap(), "/x")).unwrap();
    // RFC 8410, section 4: the prefix of the 32 bytes of an Ed25519 key.
    let der = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), &public].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));

    let parts: Vec<&str> = owner.token().split('.').collect();
    let resigned = |algorithm: &str, secret: Option<&[u8]>| {
        let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
        header["alg"] = json!(algorithm);
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), parts[1]);
        let signature = secret.map_or_else(String::new, |secret| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
            mac.update(message.as_bytes());
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
        });
        format!("{message}.{signature}")
    };
    let mut forged: Vec<String> = ["none", "None", "NONE", "nOnE", ""].map(|none| resigned(none, None)).into();
    forged.push(format!("{}{}", resigned("none", None), parts[2]));
    let secrets = [&public[..], &der, pem.as_bytes(), pem.trim_end().as_bytes(), jwk.as_bytes(), b""];
    forged.extend(secrets.map(|secret| resigned("HS256", Some(secret))));
    for bad in forged {
        refused(world.call(GET_ME, Some(&bad), json!({})).await, TOKEN_INVALID);
        refused(world.call(LIST_POSTS, Some(&bad), json!({})).await, TOKEN_INVALID);
    }
    world.call(GET_ME, Some(owner.token()), json!({})).await.unwrap();
    world.stop();
}

/// Fault 12: one address is one user, in any case of letters and with any number of calls at once.
#[tokio::test(flavor = "multi_thread")]
async fn email_belongs_to_one_user_in_any_case() {
    const OVERLOADED: &str = "ResourceExhausted auth.gatepost.dev OVERLOADED: ";
    let world = Arc::new(World::start(&[]).await);
    let owner = world.person().await;
    let new = |email: &str| json!({"name": "New", "email": email, "password": PASSWORD});
    refused(world.call(CREATE_USER, None, new(&owner.email.to_uppercase())).await, EMAIL_TAKEN);
    world.login(&owner.email.to_uppercase(), PASSWORD).await.unwrap();

    let mut calls = JoinSet::new();
    for number in 0..100 {
        let (world, request) = (Arc::clone(&world), new(["race@example.com", "Race@Example.COM"][number % 2]));
        calls.spawn(async move { world.call(CREATE_USER, None, request).await.map_err(|status| said(&status)) });
    }
    let (made, refusals): (Vec<_>, Vec<_>) = calls.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1, "{refusals:?}");
    for refusal in refusals.into_iter().map(Result::unwrap_err) {
        assert!(refusal == EMAIL_TAKEN || refusal.starts_with(OVERLOADED), "{refusal}");
    }
    let request = json!({"filter": {"email": "RACE@example.com"}});
    let listed = world.call(LIST_USERS, Some(&world.root), request).await.unwrap();
    assert_eq!(listed["users"].as_array().unwrap().len(), 1);
    let login = json!({"email": "raCE@example.com", "password": PASSWORD});
    assert_eq!(world.call(LOGIN, None, login).await.unwrap()["user"]["id"], listed["users"][0]["id"]);
    Arc::into_inner(world).unwrap().stop();
}
