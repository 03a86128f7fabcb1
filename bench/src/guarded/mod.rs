//! A guard in this process whose work can be counted: a server behind it, and an auth service that counts its
//! requests.

mod counting;
mod hit;
mod server;
mod work;

pub use counting::Counting;
pub use hit::{allocations, cold_allocations, once, time};
pub use server::{CheckServer, serve};
pub use work::{COUNTED_FUNCTION, GuardWork, do_work};
