//! The keys of two replicas are one set: a rotation refuses no token, and a retired key is dead at both.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blog_service::api::v1::ListPostsRequest;
use gatepost::api::auth::v1::{GetMeRequest, TokenState};

use super::pair::gatepost;
use super::service::SEALED;
use super::world::{Replicas, World, reason, with_token};

/// Number of rounds of each caller after it has a token of the new key from each replica.
const AFTER: usize = 20;

/// Returns the id of the key that signed the token.
fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

/// Runs `gatepost keys` on the auth services' database and returns its output.
fn keys(url: &str, args: &[&str]) -> String {
    let output = gatepost().arg("keys").args(args).args(["--database-url", url]).envs(SEALED).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Logs in at the replicas in turn and uses each token everywhere, until both have signed with a new key for a while.
async fn use_tokens(world: Replicas, email: String, first: String, is_turned: &[AtomicBool; 2], used: &AtomicUsize) {
    let mut left = AFTER;
    let mut old = world.log_in(0, &email).await.unwrap().access_token;
    for number in 0.. {
        let replica = number % 2;
        let token = world.log_in(replica, &email).await.unwrap().access_token;
        for (token, at) in [(&token, 0), (&token, 1), (&old, 0), (&old, 1)] {
            assert_eq!(world.state(at, token).await, TokenState::Active);
            world.users_at(at).get_me(with_token(GetMeRequest {}, token)).await.unwrap();
            world.posts_at(at).list_posts(with_token(ListPostsRequest::default(), token)).await.unwrap();
            used.fetch_add(3, SeqCst);
        }
        if kid(&token) == first {
            old = token;
        } else {
            is_turned[replica].store(true, SeqCst);
        }
        if is_turned.iter().all(|is_turned| is_turned.load(SeqCst)) {
            left -= 1;
            if left == 0 {
                return;
            }
        }
    }
}

/// A rotation under load refuses no token, and a retired key is dead at both replicas.
#[tokio::test(flavor = "multi_thread")]
async fn rotation_under_load_and_a_retired_key() {
    let Some(world) = World::start().await else { return };
    let mut first = Vec::new();
    for replica in [0, 1] {
        let tokens = world.register(replica, &format!("{replica}@example.com")).await.unwrap().tokens.unwrap();
        first.push(kid(&tokens.access_token));
    }
    assert_eq!(first[0], first[1], "both sign with one key");
    let first = first.remove(0);
    let next = keys(world.users_url(), &["rotate", "--lead", "10s"]);
    let (is_turned, used) = ([AtomicBool::new(false), AtomicBool::new(false)], AtomicUsize::new(0));
    let callers = [0, 1]
        .map(|number| use_tokens(world.clone(), format!("{number}@example.com"), first.clone(), &is_turned, &used));
    futures_util::future::join_all(callers).await;
    assert!(used.load(SeqCst) > AFTER * 2 * 12);

    let old = world.log_in(0, "0@example.com").await.unwrap().access_token;
    assert_eq!(kid(&old), next);
    let last = keys(world.users_url(), &["retire", &next]);
    for replica in [0, 1] {
        // The loop never ends if the replica does not learn of the retirement.
        while world.state(replica, &old).await == TokenState::Active {}
        assert_eq!(world.state(replica, &old).await, TokenState::Invalid);
        let posts = with_token(ListPostsRequest::default(), &old);
        assert_eq!(reason(&world.posts_at(replica).list_posts(posts).await.unwrap_err()), "TOKEN_INVALID");
        let new = world.log_in(replica, "0@example.com").await.unwrap().access_token;
        assert_eq!(kid(&new), last);
        for at in [0, 1] {
            assert_eq!(world.state(at, &new).await, TokenState::Active);
        }
    }
    world.stop();
}
