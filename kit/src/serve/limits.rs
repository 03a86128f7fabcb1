//! The server's settings: each closes an attack that tonic's default leaves open (docs/ARCHITECTURE.md lists them).

use std::time::Duration;

use tonic::transport::Server;

/// The deadline of the methods that have one of their own, by path.
pub type MethodDeadlines = &'static [(&'static str, Duration)];

/// What one connection and one call may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Streams that a connection may have open at once (F1: tonic takes hyper's own limit away).
    pub concurrent_streams: u32,
    /// Streams that the server resets for a client's errors before it closes the connection (F2, RUSTSEC-2024-0003).
    pub error_resets: usize,
    /// Streams that a client resets before they were accepted, before the connection is closed (CVE-2023-44487).
    pub pending_resets: usize,
    /// Bytes of a request's headers.
    pub header_list: u32,
    /// Bytes in flight on a stream.
    pub stream_window: u32,
    /// Bytes in flight on a connection: the most that a client can send ahead of the handlers. What a slow reader makes
    /// the server keep is bounded by its streams and the size of an answer.
    pub connection_window: u32,
    /// Bytes of a frame.
    pub frame: u32,
    /// How often an idle connection is asked for a sign of life, and how long the server waits for it (F5, F6).
    pub keepalive: (Duration, Duration),
    /// How often the kernel asks the peer of an idle connection.
    pub tcp_keepalive: Duration,
    /// How old a connection gets, so that clients spread over replicas again, and how long its calls may still run.
    pub connection_age: (Duration, Duration),
    /// How long a call may take, whatever its client allows.
    pub deadline: Duration,
    /// How long running calls may take once the service has been told to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_streams: 100,
            error_resets: 100,
            pending_resets: 20,
            header_list: 16 * 1024,
            stream_window: 64 * 1024,
            connection_window: 1024 * 1024,
            frame: 16 * 1024,
            keepalive: (Duration::from_secs(10), Duration::from_secs(5)),
            tcp_keepalive: Duration::from_mins(1),
            connection_age: (Duration::from_mins(10), Duration::from_secs(30)),
            deadline: Duration::from_secs(5),
            grace: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// A server builder with these limits.
    pub(super) fn server(&self) -> Server {
        Server::builder()
            .max_concurrent_streams(self.concurrent_streams)
            .http2_max_local_error_reset_streams(Some(self.error_resets))
            .http2_max_pending_accept_reset_streams(Some(self.pending_resets))
            .http2_max_header_list_size(self.header_list)
            .initial_stream_window_size(self.stream_window)
            .initial_connection_window_size(self.connection_window)
            .max_frame_size(self.frame)
            .http2_keepalive_interval(Some(self.keepalive.0))
            .http2_keepalive_timeout(Some(self.keepalive.1))
            .max_connection_age(self.connection_age.0)
            .max_connection_age_grace(self.connection_age.1)
    }
}
