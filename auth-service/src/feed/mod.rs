//! The feed: sends each guard the entries of the log on a stream of its own, in order and without gaps.

mod cursor;
mod subscribers;

pub use cursor::{FeedCursor, FeedEvent};
pub use subscribers::{Subscriber, Subscribers};
