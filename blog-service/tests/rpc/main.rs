//! The service over the wire: a real server behind its guard, a real client and a stopped clock.

#![cfg(test)]

mod batch;
mod changes;
mod content;
mod failures;
mod lists;
mod operations;
mod outages;
mod pages;
mod posts;
mod quotas;
mod repeats;
mod schedule;
mod settled;
mod slugs;
mod states;
mod support;
mod transport;
mod walks;
