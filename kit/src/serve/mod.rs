//! gRPC server over its own HTTP/2 connections, with the limits that a public port needs.

mod accept;
mod authority;
mod call;
mod connection;
mod connection_end;
mod counters;
mod elsewhere;
mod envelope;
mod floor;
mod health;
mod host;
mod incoming;
mod life;
mod limits;
mod memory;
mod outgoing;
mod piece;
mod run;
mod seats;
mod standard;
mod stream;
mod streamed;
mod transport;
mod turns;
mod waiting;
mod window;

pub use call::Room;
pub use counters::ServerMetrics;
pub use elsewhere::Elsewhere;
pub use limits::{MethodDeadlines, ServerLimits};
pub use memory::MemoryLimits;
pub use run::{Parts, ServeError, serve};
