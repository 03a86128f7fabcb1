//! Requests and allocations that a guard saves.

#![cfg(test)]

use std::sync::Arc;

use bench::Failure;
use bench::guarded::{Counting, allocations, cold_allocations, once};
use gatepost::Token;
use tokio::task::JoinSet;

fn token(bytes: usize) -> Token {
    Token::parse(&"t".repeat(bytes)).unwrap()
}

/// Ten thousand concurrent calls with one unknown token cause one request.
#[tokio::test(flavor = "multi_thread")]
async fn cold_calls_with_one_token_are_one_request() -> Result<(), Failure> {
    const CALLS: usize = 10_000;
    let counting = Counting::start().await?;
    let auth = Arc::new(counting.follower().await?);
    // The connection is opened first, so that the test counts only requests.
    once(&auth, &token(400)).await?;
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let auth = Arc::clone(&auth);
        calls.spawn(async move { once(&auth, &token(401)).await });
    }
    for answer in calls.join_all().await {
        answer?;
    }
    assert_eq!(counting.asked(), 2);
    Ok(())
}

/// A call with a known token makes no allocation that grows with the token's length.
#[tokio::test(flavor = "multi_thread")]
async fn allocations_do_not_grow_with_the_token() -> Result<(), Failure> {
    let counting = Counting::start().await?;
    let auth = counting.follower().await?;
    let mut found = Vec::new();
    for bytes in [400, 4_000] {
        let token = token(bytes);
        once(&auth, &token).await?;
        let info = allocations(&auth, &token)?;
        found.push((info.count_total, info.bytes_total));
    }
    assert_eq!(found[0], found[1]);
    assert_eq!(counting.asked(), 2, "the allocations of a request are not counted");
    Ok(())
}

/// A call with an unknown token makes at most 80 allocations. The printed bytes show additional copies of the token.
#[tokio::test(flavor = "multi_thread")]
async fn cold_call_makes_at_most_80_allocations() -> Result<(), Failure> {
    let counting = Arc::new(Counting::start().await?);
    let info = tokio::task::spawn_blocking(move || {
        // The measurement starts its own runtime, which this thread does not allow: it already has one.
        std::thread::spawn(move || cold_allocations(&counting, 32)).join().unwrap()
    });
    let info = info.await??;
    println!("allocations of a cold call: {}, {} bytes", info.count_total, info.bytes_total);
    assert!(info.count_total <= 80, "{info:?}");
    Ok(())
}
