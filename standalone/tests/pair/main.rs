//! The pair as its users see it: a process, a folder, two addresses.

#![cfg(test)]

mod api_keys;
mod audit;
mod command_line;
mod demo;
mod envoy;
mod examples;
mod full;
mod go;
mod gzip;
mod logging;
mod metric_names;
mod metrics;
mod page;
mod readme;
mod secured;
mod session;
mod start;
mod story;
mod support;
mod tls;
mod traces;
mod users;
