//! Limits of the operations port.

use std::time::Duration;

/// Limits of the port, of a connection and of a request.
#[derive(Clone, Copy, Debug)]
pub struct OpsLimits {
    /// Open connections; more wait until one has ended.
    pub connections: usize,
    /// Time for a request's head to arrive, and idle time of a connection.
    pub head: Duration,
    /// Largest head of a request, in bytes.
    pub head_bytes: usize,
    /// Maximum number of fields in a request's head.
    pub head_fields: usize,
    /// Age at which a connection is asked to end.
    pub age: Duration,
    /// Time for a connection to end, after its age or at the end of the service.
    pub grace: Duration,
    /// Time for a write to the database.
    pub write: Duration,
    /// Time for which all probes share the result of the last write. The database is written to at most once in this
    /// time.
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
