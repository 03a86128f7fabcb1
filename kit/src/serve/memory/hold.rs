//! A reservation of bytes, given back when it is dropped.

use std::sync::Arc;

use super::budget::Account;

/// Bytes that one connection holds.
#[derive(Debug)]
pub(crate) struct Hold {
    account: Arc<Account>,
    bytes: usize,
}

impl Hold {
    pub(super) fn new(account: Arc<Account>, bytes: usize) -> Self {
        Self { account, bytes }
    }

    /// Makes it a reservation of so many bytes; reports whether there was room. Shrinking always succeeds.
    pub(crate) fn resize(&mut self, bytes: usize) -> bool {
        let resized = bytes == self.bytes || self.account.resize(self.bytes, bytes);
        if resized {
            self.bytes = bytes;
        }
        resized
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.account.release(self.bytes);
    }
}
