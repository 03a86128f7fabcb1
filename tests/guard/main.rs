//! The guard on the wire: what a caller sees of it, whatever the caller sends and whatever the auth service does.

#![cfg(test)]

mod closed;
mod deadline;
mod flight;
mod fragment;
mod identity;
mod nonsense;
mod outage;
mod protocol;
mod rules;
mod silence;
mod streams;
mod support;
mod token;
mod verdicts;
mod with_token;
