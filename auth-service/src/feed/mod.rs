//! The feed: what guards are told of the log, each by a stream of its own, in order and without gaps.

mod listeners;
mod outlet;

pub use listeners::{Subscriber, Subscribers};
pub use outlet::{FeedCursor, FeedEvent};
