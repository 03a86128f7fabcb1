//! Limits of the server, each seen from the wire: a test fails if the line of a limit is deleted.

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
