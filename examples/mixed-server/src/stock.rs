//! The stock: a table in memory that reports its changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

/// The number of pieces of each item.
pub type Counts = BTreeMap<String, u32>;

/// A handle to the stock; all clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stock(Arc<watch::Sender<Counts>>);

impl Stock {
    /// Returns the number of pieces of an item.
    pub fn count(&self, item: &str) -> u32 {
        self.0.borrow().get(item).copied().unwrap_or_default()
    }

    /// Sets the number of pieces of an item.
    pub fn set(&self, item: String, count: u32) {
        self.0.send_modify(|counts| {
            counts.insert(item, count);
        });
    }

    /// Takes one piece and returns the number left; `None` if there was none.
    pub fn pick(&self, item: &str) -> Option<u32> {
        let mut left = None;
        self.0.send_if_modified(|counts| {
            let Some(count) = counts.get_mut(item).filter(|count| **count > 0) else { return false };
            *count -= 1;
            left = Some(*count);
            true
        });
        left
    }

    /// Returns the stock now, and again after each change.
    pub fn changes(&self) -> WatchStream<Counts> {
        WatchStream::new(self.0.subscribe())
    }
}
