//! What both services need and no client does.

pub mod clock;
pub mod config;
pub mod db;
pub mod failure;
pub mod ids;
pub mod page;
pub mod process;
pub mod random;
pub mod serve;
pub mod shutdown;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use clock::Clock;
