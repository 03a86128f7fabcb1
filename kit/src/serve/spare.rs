//! Spare descriptor, used to accept a connection when no other descriptor is left.
//!
//! Without it, all new connections would then wait in the kernel's queue, even those of operators.

use std::fs::File;
use std::net::SocketAddr;

use futures_util::FutureExt as _;
use tokio::net::{TcpListener, TcpStream};

/// Descriptor that is held back until no other one is left.
#[derive(Debug)]
pub(super) struct Spare(Option<File>);

impl Spare {
    /// Opens the descriptor.
    pub(super) fn open() -> Self {
        Self(descriptor())
    }

    /// Accepts a waiting connection in the descriptor's place; `None` if no connection waits or no descriptor is left.
    pub(super) fn accept(&mut self, listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
        self.0 = None;
        let accepted = listener.accept().now_or_never().and_then(Result::ok);
        if accepted.is_none() {
            self.refill();
        }
        accepted
    }

    /// Opens the descriptor again if it was used. Returns false if no descriptor is left.
    pub(super) fn refill(&mut self) -> bool {
        self.0 = self.0.take().or_else(descriptor);
        self.0.is_some()
    }
}

fn descriptor() -> Option<File> {
    File::open("/dev/null").ok()
}
