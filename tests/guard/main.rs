//! Tests of the guard over the network.

#![cfg(test)]

mod closed;
mod deadline;
mod fed_streams;
mod feed;
mod flight;
mod fragment;
mod identity;
mod introspections;
mod known_keys;
mod metrics;
mod nonsense;
mod open;
mod outage;
mod protocol;
mod rejected;
mod rules;
mod several;
mod silence;
mod source;
mod streams;
mod support;
mod testing;
mod token;
mod trace;
mod vanished;
mod with_token;
mod written;
