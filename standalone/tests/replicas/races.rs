//! Concurrent calls at both replicas take effect once.

use std::collections::BTreeSet;

use gatepost::api::auth::v1::TokenState;
use tokio::task::JoinSet;

use super::world::{Replicas, World, reason};

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_sign_ups_at_both_replicas_succeeds() {
    let Some(world) = World::start().await else { return };
    let mut calls = JoinSet::new();
    for number in 0..20 {
        let replicas = Replicas::clone(&world);
        calls.spawn(async move { replicas.register(number % 2, "ada@example.com").await });
    }
    let (made, refused): (Vec<_>, Vec<_>) = calls.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for status in refused.into_iter().map(Result::unwrap_err) {
        // This many passwords at once exceed an address's share of the hashing queue.
        assert!(["EMAIL_TAKEN", "OVERLOADED"].contains(&reason(&status).as_str()), "{status:?}");
    }
    world.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_at_both_replicas_leave_one_branch() {
    let Some(world) = World::start().await else { return };
    let mut current = world.register(0, "ada@example.com").await.unwrap().tokens.unwrap();
    // Each round needs the grace once, and two such rotations among four would end the session. So three rotations run
    // between the rounds.
    for round in 0..5 {
        let mut calls = JoinSet::new();
        for number in 0..20 {
            let (replicas, token) = (Replicas::clone(&world), current.refresh_token.clone());
            calls.spawn(async move { replicas.refresh(number % 2, &token).await });
        }
        let answers: Vec<_> = calls.join_all().await.into_iter().map(Result::unwrap).collect();
        let successors: BTreeSet<&str> = answers.iter().map(|pair| pair.refresh_token.as_str()).collect();
        assert_eq!(successors.len(), 1, "round {round}");
        for pair in &answers {
            assert_eq!(world.state(round % 2, &pair.access_token).await, TokenState::Active);
        }
        current.clone_from(&answers[0]);
        for number in 0..3 {
            current = world.refresh(number % 2, &current.refresh_token).await.unwrap();
        }
    }
    world.stop();
}
