//! Shared parts of the guard's tests: guarded servers, a fake auth service, and clients that can misbehave.

mod answers;
mod auth;
mod balancer;
mod contract;
mod fed;
mod followed;
mod frames;
mod listener;
mod memory;
mod opened;
mod outside;
mod port;
mod probe;
mod raw;
mod refused;
mod server;
mod sessions;

pub(crate) use answers::{Answer, active, claims, known, state};
pub(crate) use auth::{Auth, Running};
pub(crate) use balancer::Balancer;
pub(crate) use contract::Contract;
pub(crate) use fed::{Fed, position};
pub(crate) use followed::{Followed, SERVING, fed, fed_by, grounded, next_status, start, start_with};
pub(crate) use frames::Frames;
pub(crate) use listener::Listener;
pub(crate) use memory::Memory;
pub(crate) use opened::{Opened, seller, words};
pub(crate) use outside::{Inside, Outside};
pub(crate) use port::Port;
pub(crate) use probe::{CHAT, CallView, GATHER, LISTEN, Probe, ProbeClient, SHOW};
pub(crate) use raw::{EMPTY, Raw, Reply};
pub(crate) use refused::Refused;
pub(crate) use server::{Guarded, World};
pub(crate) use sessions::{Fate, LIFE, Sessions};

/// The unary method of the health service.
pub(crate) const CHECK: &str = "/grpc.health.v1.Health/Check";

/// The server-streaming method of the health service.
pub(crate) const WATCH: &str = "/grpc.health.v1.Health/Watch";
