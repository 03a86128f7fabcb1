//! Shared parts of both services that no client needs.

pub mod call;
pub mod characters;
pub mod clock;
pub mod codec;
pub mod config;
pub mod etag;
pub mod failure;
pub mod file_lock;
pub mod handover;
pub mod healthcheck;
pub mod ids;
pub mod lifecycle;
pub mod mask;
pub mod ops;
pub mod outcome;
pub mod output;
pub mod page;
pub mod peer;
pub mod probe;
pub mod process;
mod pulse;
pub mod random;
pub mod rate_limiter;
pub mod request_id;
pub mod serve;
pub mod service_address;
pub mod shutdown;
pub mod stopwatch;
mod systemd;
pub mod tasks;
pub mod telemetry;

pub use clock::Clock;
pub use gatepost::Uptime;
pub use service_address::ServiceAddress;
pub use stopwatch::Stopwatch;
