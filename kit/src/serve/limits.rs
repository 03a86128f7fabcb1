//! Limits of the server: each stops an attack that tonic's defaults allow (docs/operations/hardening.md lists them).

use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use super::memory::MemoryLimits;
use super::outgoing::ReaderLimits;

/// Bytes that a reader must take in each stall period; fewer if fewer are left.
const MIN_READ_BYTES: usize = 4 * 1024;

/// Deadlines of methods with their own deadline, by path.
pub type MethodDeadlines = &'static [(&'static str, Duration)];

/// Limits of the server, of a connection and of a call.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Streams that a connection may have open at once (F1: tonic removes hyper's limit).
    pub concurrent_streams: u32,
    /// Streams that the server resets for a client's errors before it closes the connection (F2, RUSTSEC-2024-0003).
    pub error_resets: usize,
    /// Streams that a client may open and reset within one read; one more closes the connection (CVE-2023-44487).
    pub pending_resets: usize,
    /// Streams that a client may reset in a second; more close the connection (CVE-2023-44487).
    pub resets: u32,
    /// Frames that a client may send in a second without any part of a call; more close the connection. Such frames are
    /// pings, settings, priorities, empty data and unknown ones (CVE-2019-9512, 9515, 9518).
    pub control_frames: u32,
    /// Bytes of a request's headers.
    pub header_list: u32,
    /// Bytes in flight on a stream.
    pub stream_window: u32,
    /// Bytes in flight on a connection: the most that a client can send ahead of the handlers, besides data that waits
    /// for room.
    pub connection_window: u32,
    /// Bytes of an answer that the transport buffers for each stream.
    pub send_buffer: usize,
    /// Bytes of a frame.
    pub frame: u32,
    /// Pause between pings of an idle connection, and the time for an answer (F5, F6).
    pub keepalive: (Duration, Duration),
    /// Idle time before the kernel's first keepalive probe of a connection.
    pub tcp_keepalive: Duration,
    /// Open connections, besides those of operators.
    pub connections: usize,
    /// Divisor of the limit of open files: all connections together may use this fraction of the limit.
    pub descriptor_divisor: usize,
    /// Further connections for peers in the operators' networks, used while all others are taken.
    pub reserved_connections: usize,
    /// Open connections of one address, or of one IPv6 network of 64 bits; `None` sets no limit.
    pub address_connections: Option<usize>,
    /// Time from the accept in which a connection must send HTTP/2's preface, TLS and the PROXY protocol included.
    pub handshake: Duration,
    /// Time from the accept in which a connection must open its first stream.
    pub first_request: Duration,
    /// Time for which a connection may have no open stream.
    pub idle: Duration,
    /// Calls that may run at once: from the whole request to the start of the answer. More are refused.
    pub running_calls: usize,
    /// Further calls of health that may wait or run, and as many further calls of the essential methods.
    pub reserved_calls: usize,
    /// Bytes of a compressed message after its decompression.
    pub message: usize,
    /// Calls that may wait for the rest of their request, or for room for their answer.
    pub waiting_calls: usize,
    /// Bytes of requests that may wait for room, beyond half of their connections' windows.
    pub waiting_bytes: usize,
    /// Silent streams of the service that may be open at once.
    pub streams: usize,
    /// Silent streams of health and reflection, which are public.
    pub public_streams: usize,
    /// Memory of requests that are being read or handled.
    pub request_memory: MemoryLimits,
    /// Memory of answers that their readers have not taken.
    pub answer_memory: MemoryLimits,
    /// Period in which a reader must take a part of an answer, and the time for a whole message.
    pub reading: (Duration, Duration),
    /// Age at which a connection gets a GOAWAY, varied by a tenth, and the time for its running calls. New connections
    /// spread clients over replicas.
    pub connection_age: (Duration, Duration),
    /// Deadline of a call, if its client sets no shorter one.
    pub deadline: Duration,
    /// Time for running calls once the service stops.
    pub grace: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            concurrent_streams: 100,
            error_resets: 100,
            pending_resets: 1000,
            resets: 1000,
            control_frames: 10_000,
            header_list: 16 * 1024,
            stream_window: 64 * 1024,
            connection_window: 256 * 1024,
            send_buffer: 64 * 1024,
            frame: 16 * 1024,
            keepalive: (Duration::from_secs(10), Duration::from_secs(5)),
            tcp_keepalive: Duration::from_mins(1),
            connections: 4096,
            descriptor_divisor: 4,
            reserved_connections: 32,
            address_connections: None,
            handshake: Duration::from_secs(5),
            first_request: Duration::from_secs(10),
            idle: Duration::from_mins(5),
            running_calls: 2048,
            reserved_calls: 512,
            message: 4 * 1024 * 1024,
            waiting_calls: 2048,
            waiting_bytes: 4 * 1024 * 1024,
            streams: 4096,
            public_streams: 1024,
            request_memory: MemoryLimits {
                process: 6 * 1024 * 1024,
                small: 4 * 1024,
                connection_small: 512 * 1024,
                connection_large: 768 * 1024,
            },
            answer_memory: MemoryLimits {
                process: 13 * 1024 * 1024,
                small: 64 * 1024,
                connection_small: 512 * 1024,
                connection_large: 1024 * 1024,
            },
            reading: (Duration::from_secs(15), Duration::from_mins(1)),
            connection_age: (Duration::from_mins(10), Duration::from_secs(30)),
            deadline: Duration::from_secs(5),
            grace: Duration::from_secs(10),
        }
    }
}

impl ServerLimits {
    /// Returns a builder of HTTP/2 connections with these limits.
    pub(super) fn http2(&self) -> h2::server::Builder {
        let mut builder = h2::server::Builder::new();
        builder
            .max_concurrent_streams(self.concurrent_streams)
            .max_local_error_reset_streams(Some(self.error_resets))
            .max_pending_accept_reset_streams(self.pending_resets)
            .max_header_list_size(self.header_list)
            .initial_window_size(self.stream_window)
            .initial_connection_window_size(self.connection_window)
            .max_frame_size(self.frame)
            .max_send_buffer_size(self.send_buffer);
        builder
    }

    /// Returns the limits of an answer's reader.
    pub(super) fn reader(&self) -> ReaderLimits {
        ReaderLimits { gzip: false, stall: self.reading.0, bytes: MIN_READ_BYTES, message: self.reading.1 }
    }

    /// Returns the number of connections, and of reserved ones. The rest of the descriptors is for files, the database
    /// and the operations port.
    pub(super) fn connections(&self) -> (usize, usize) {
        let all = descriptors().map_or(usize::MAX, |most| most / self.descriptor_divisor.max(1));
        // Even with few seats, callers get more of them than operators.
        let reserved = self.reserved_connections.min(all / 2);
        (self.connections.min(all - reserved).max(1), reserved)
    }

    /// Returns the number of connections that the limit of open files allows.
    pub fn connection_room(&self) -> ConnectionRoom {
        let wanted_descriptors =
            (self.connections.saturating_add(self.reserved_connections)).saturating_mul(self.descriptor_divisor.max(1));
        ConnectionRoom {
            connections: self.connections().0,
            wanted: self.connections,
            descriptors: descriptors(),
            wanted_descriptors,
        }
    }
}

/// Connections that the process's limit of open files allows.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionRoom {
    /// Connections that the server takes at once.
    pub connections: usize,
    /// Connections that the settings allow.
    pub wanted: usize,
    /// Limit of open files; `None` without a limit.
    pub descriptors: Option<usize>,
    /// Open files that are enough for all these connections.
    pub wanted_descriptors: usize,
}

/// Returns the limit of open files; `None` without a limit.
fn descriptors() -> Option<usize> {
    getrlimit(Resource::Nofile).current.and_then(|most| usize::try_from(most).ok())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{Request, Response};

    use super::*;

    /// The reader has a large window, but the transport buffers only a little.
    #[tokio::test]
    async fn transport_buffers_only_a_part_of_an_answer() {
        let limits = ServerLimits::default();
        let (client, server) = tokio::io::duplex(1024);
        let mut wide = h2::client::Builder::new();
        wide.initial_window_size(1 << 24).initial_connection_window_size(1 << 24);
        let builder = limits.http2();
        let (client, server) = tokio::join!(wide.handshake::<_, Bytes>(client), builder.handshake::<_, Bytes>(server));
        let ((mut send, client), mut server) = (client.unwrap(), server.unwrap());
        tokio::spawn(client);
        let (_response, _stream) = send.send_request(Request::new(()), true).unwrap();
        let (_request, mut respond) = server.accept().await.unwrap().unwrap();
        let mut answer = respond.send_response(Response::new(()), false).unwrap();
        answer.reserve_capacity(1 << 20);
        assert_eq!((answer.capacity(), limits.send_buffer), (64 * 1024, 64 * 1024));
    }

    #[test]
    fn descriptors_limit_the_connections() {
        let seats = |connections, descriptor_divisor, reserved_connections| {
            let limits =
                ServerLimits { connections, descriptor_divisor, reserved_connections, ..ServerLimits::default() };
            limits.connections()
        };
        assert_eq!(seats(10, 4, 2), (10, 2));
        assert_eq!(seats(usize::MAX, usize::MAX, 2), (1, 0), "no descriptor is left");
        let (callers, operators) = seats(usize::MAX, 4, usize::MAX);
        assert!(callers >= operators && callers + operators < usize::MAX / 4);
    }
}
