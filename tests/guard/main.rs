//! The guard on the wire: what a caller sees of it, whatever the caller sends and whatever the auth service does.

#![cfg(test)]

mod closed;
mod deadline;
mod fed_streams;
mod feed;
mod flight;
mod fragment;
mod identity;
mod known_keys;
mod metrics;
mod nonsense;
mod open;
mod outage;
mod protocol;
mod rules;
mod silence;
mod source;
mod streams;
mod support;
mod testing;
mod token;
mod vanished;
mod verdicts;
mod with_token;
mod written;
