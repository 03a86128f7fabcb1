//! `users`, `api-keys`, `audit`, `token`, `login`, `logout` and `whoami`: over the wire to a service, and on the database of a stopped one.

#![cfg(test)]

mod api_keys;
mod audit;
mod login;
mod offline;
mod output;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../start/outsider.rs"]
mod outsider;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../pair/support.rs"]
mod pair;
mod person;
mod renewal;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../start/service.rs"]
mod service;
mod terminal;
mod token;
mod users;
mod world;
