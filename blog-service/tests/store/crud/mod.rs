//! Each method alone: reads return what was written.

mod changes;
mod clock;
mod reads;
mod requests;
