//! The feed: what guards are told of the log, each by a stream of its own, in order and without gaps.

mod cursor;
mod subscribers;

pub use cursor::{FeedCursor, FeedEvent};
pub use subscribers::{Subscriber, Subscribers};
