//! PostgreSQL: what is repeated, what is cut short, and what is refused at the start.

mod far;
mod limits;
mod opening;
mod pooled;
mod pools;
mod prepared;
mod repeats;
mod switchover;
