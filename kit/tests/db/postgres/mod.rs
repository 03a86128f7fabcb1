//! PostgreSQL: what is repeated, what is cut short, and what is refused at the start.

mod limits;
mod opening;
mod pools;
mod repeats;
mod switchover;
