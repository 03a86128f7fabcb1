//! Comparison of a clock with the time of the database.

use chrono::TimeDelta;
use db::clock;
use kit::Clock;
use testkit::on_both_engines;

use crate::support::Case;

async fn clock_is_compared_with_the_databases_time(store: Case) {
    let clock = Clock::system();
    clock::measure(store.db(), &clock).await.unwrap();
    assert!(clock.is_compared() && clock.problem().is_none());
    clock.jump(TimeDelta::hours(-1));
    clock::measure(store.db(), &clock).await.unwrap();
    assert!(clock.problem().is_some() && clock.offset() < TimeDelta::minutes(-59));
}

on_both_engines!(crate::support::Case: clock_is_compared_with_the_databases_time);
