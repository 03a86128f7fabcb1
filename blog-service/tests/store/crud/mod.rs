//! Each method alone: what it writes is what is read.

mod changes;
mod health;
mod reads;
mod requests;
