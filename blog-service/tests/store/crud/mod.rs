//! Each method alone: what it writes is what is read.

mod changes;
mod clock;
mod reads;
mod requests;
