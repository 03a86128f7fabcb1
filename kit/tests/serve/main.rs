//! Limits of the server, each seen from the wire: a test fails if the line of a limit is deleted.

#![cfg(test)]

mod calls;
mod connections;
mod deadlines;
mod frames;
mod proxy_protocol;
mod readers;
mod settings;
mod stopping;
mod support;
mod transport;
mod uploads;
mod waiting;
