//! A start on PostgreSQL that is killed at any of its statements: the next one succeeds, and no data is lost.

use std::ops::ControlFlow;

use super::outsider::Outsider;
use super::readers;
use super::service::{Service, Which};
use super::steps;

/// Number of databases at a time: the wait for a killed start takes time, but little work.
const LANES: usize = 4;

/// Kills a start at each of its steps, each time on a new database; returns the number of steps.
async fn kill_at_each_step(which: Which, from: i64) -> Option<usize> {
    let lanes: Vec<_> = (1..=LANES)
        .map(|lane| {
            tokio::spawn(async move {
                let mut step = lane;
                while kill_at(which, from, step).await?.is_continue() {
                    step += LANES;
                }
                Some(step)
            })
        })
        .collect();
    let mut beyond = Vec::new();
    for lane in lanes {
        beyond.push(lane.await.unwrap()?);
    }
    // The last step that a start reached.
    beyond.into_iter().min().map(|first| first - 1)
}

/// Kills a start at this step, and starts again. Breaks when the start has fewer steps. Returns `None` without
/// PostgreSQL.
async fn kill_at(which: Which, from: i64, step: usize) -> Option<ControlFlow<()>> {
    let database = testkit::postgres::database().await?;
    let mut outsider = Outsider::of_server(&database.url).await;
    if from > 0 {
        outsider.make_older(which, from).await;
    }
    steps::count(&mut outsider).await;
    steps::hold(&mut outsider, step).await;
    let mut first = Service::start(which, &database.url);
    let is_held = first.wait_for_line(&[steps::HELD, "listening on"]).contains(steps::HELD);
    if is_held && from > 0 {
        readers::check_not_shut_out(which, &database.url, &mut outsider).await;
    }
    drop(first);
    if !is_held {
        return Some(ControlFlow::Break(()));
    }
    // The statement is still held up: its client is gone, so only the server can end it.
    Service::start(which, &database.url).serves();
    outsider.check(which, from > 0).await;
    steps::check_kept_once(&mut outsider).await;
    Some(ControlFlow::Continue(()))
}

/// Checks for at least this many steps, so that a drill that no longer counts is noticed.
fn check(steps: Option<usize>, least: usize) {
    if let Some(steps) = steps {
        assert!(steps >= least, "only {steps} steps were tried");
        println!("killed at each of {steps} steps");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 5)]
async fn auth_start_is_killed_on_an_empty_database() {
    check(kill_at_each_step(Which::Auth, 0).await, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 5)]
async fn auth_start_is_killed_on_the_oldest_database() {
    check(kill_at_each_step(Which::Auth, 1).await, 25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 5)]
async fn auth_start_is_killed_on_the_last_database() {
    check(kill_at_each_step(Which::Auth, 2).await, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 5)]
async fn blog_start_is_killed_on_an_empty_database() {
    check(kill_at_each_step(Which::Blog, 0).await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 5)]
async fn blog_start_is_killed_on_an_older_database() {
    check(kill_at_each_step(Which::Blog, 1).await, 5);
}
