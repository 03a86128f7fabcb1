//! The feed: tells each guard the entries of the log by its own stream, in order and without gaps.

mod cursor;
mod subscribers;

pub use cursor::{FeedCursor, FeedEvent};
pub use subscribers::{Subscriber, Subscribers};
