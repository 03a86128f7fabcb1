//! Tests of the server's limits from the client's side. If the code of a limit is deleted, a test fails.

#![cfg(test)]

mod calls;
mod compression;
mod connections;
mod deadlines;
mod floods;
mod frames;
mod metrics;
mod newcomers;
mod old_age;
mod proxy_protocol;
mod readers;
mod settings;
mod shedding;
mod stopping;
mod support;
mod tls;
mod traces;
mod transport;
mod uploads;
mod waiting;
