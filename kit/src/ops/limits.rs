//! What whoever reaches the operations port can cost the service.

use std::time::Duration;

/// What the port, one connection and one request may cost.
#[derive(Clone, Copy, Debug)]
pub struct OpsLimits {
    /// Connections at once; further ones wait until one has ended.
    pub connections: usize,
    /// How long a request's head may take to arrive, and how long a connection may be idle.
    pub head: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Fields of a request's head.
    pub head_fields: usize,
    /// How old a connection gets before it is asked to end.
    pub age: Duration,
    /// How long it may then still take, as at the end of the service.
    pub grace: Duration,
    /// How long the database may take to write.
    pub write: Duration,
    /// How long what the last write came to is the answer to all probes: the database is written to once in this time at
    /// the most.
    pub fresh: Duration,
}

impl Default for OpsLimits {
    fn default() -> Self {
        Self {
            connections: 64,
            head: Duration::from_secs(5),
            head_bytes: 16 * 1024,
            head_fields: 64,
            age: Duration::from_mins(1),
            grace: Duration::from_secs(3),
            write: Duration::from_secs(1),
            fresh: Duration::from_secs(1),
        }
    }
}
