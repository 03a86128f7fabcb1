//! The service over the wire: a real server, a real client and a stopped clock.

#![cfg(test)]

mod admin;
mod api_key_changes;
mod api_keys;
mod attempts;
mod audiences;
mod audit;
mod audit_watch;
mod clocks;
mod died;
mod far;
mod guesses;
mod health;
mod keys;
mod last_admin;
mod login;
mod lost;
mod metrics;
mod operations;
mod outages;
mod password_change;
mod password_reset;
mod passwords;
mod prepared;
mod proxies;
mod pyjwt;
mod quotas;
mod refresh;
mod register;
mod repeats;
mod rotation;
mod sessions;
mod settled;
mod signers;
mod stale;
mod support;
mod tls;
mod transport;
mod two_tabs;
mod untouched;
mod updates;
mod users;
mod vectors;
mod verify;
mod watch;
