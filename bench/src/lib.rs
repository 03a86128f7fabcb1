//! Parts that the program `bench` and its tests share: the services, the load, the rivals, the drills, and the description of the machine.

pub mod callgrind;
pub mod drill;
pub mod fill;
mod followers;
pub mod guarded;
pub mod load;
pub mod machine;
mod output;
pub mod page;
pub mod process;
pub mod rivals;
pub mod scale;
pub mod services;
mod svg;

/// An error that ends the run: an incomplete run gives no figure.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
