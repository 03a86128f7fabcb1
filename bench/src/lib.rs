//! What the program `bench` and its tests share: the services, the drills, and what a figure was measured on.

pub mod drill;
pub mod guarded;
pub mod machine;
pub mod page;
pub mod process;
pub mod services;

/// Whatever goes wrong ends the run: a figure of half a run is none.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
