//! PostgreSQL: repeats, time limits, and refusals at the start.

mod far;
mod limits;
mod metrics;
mod opening;
mod pooled;
mod pools;
mod prepared;
mod repeats;
mod switchover;
