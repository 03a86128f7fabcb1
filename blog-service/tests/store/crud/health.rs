//! Whether the database answers, and whether it takes writes.

use chrono::TimeDelta;
use kit::Clock;
use kit::testing::on_both_engines;

use crate::support::Case;

async fn a_look_succeeds_while_reads_do(store: Case) {
    store.look().await.unwrap();
    store.database.run("alter table secrets rename to gone").await;
    assert!(store.look().await.is_err(), "it reads a table of the service's own");
    store.database.run("alter table gone rename to secrets").await;
    store.look().await.unwrap();
}

async fn a_touch_succeeds_while_writes_do(store: Case) {
    store.touch([1; 16]).await.unwrap();
    store.touch([2; 16]).await.unwrap();
    store.database.run("alter table secrets rename to gone").await;
    assert!(store.touch([3; 16]).await.is_err(), "it writes to a table of the service's own");
    store.database.run("alter table gone rename to secrets").await;
    store.touch([3; 16]).await.unwrap();
}

async fn a_clock_is_compared_with_the_databases_time(store: Case) {
    let clock = Clock::system();
    store.measure_clock(&clock).await.unwrap();
    assert!(clock.is_compared() && clock.problem().is_none());
    clock.jump(TimeDelta::hours(-1));
    store.measure_clock(&clock).await.unwrap();
    assert!(clock.problem().is_some() && clock.offset() < TimeDelta::minutes(-59));
}

on_both_engines!(crate::support::Case:
    a_look_succeeds_while_reads_do,
    a_touch_succeeds_while_writes_do,
    a_clock_is_compared_with_the_databases_time,
);
