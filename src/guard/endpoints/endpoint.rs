//! One endpoint of the auth service: its address, its channel, and its health.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tonic::transport::Channel;

use super::ReplaceableChannel;
use crate::dial::{Dialer, ServerUrl};

/// Interval of the keep-alive pings of a connection.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Time limit of the answer to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// An endpoint with its channel and its health.
pub(in crate::guard) struct DialedEndpoint {
    source: EndpointSource,
    /// The way to connect; `None` for a channel from the caller.
    dialer: Option<Dialer>,
    channel: ReplaceableChannel,
    running: AtomicUsize,
    health: Mutex<EndpointHealth>,
}

/// The place of an endpoint in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndpointSource {
    /// The index of the target.
    pub(super) target: usize,
    /// The address, if the target is a URL.
    pub(super) address: Option<SocketAddr>,
}

/// The health of an endpoint.
#[derive(Clone, Copy, Debug, Default)]
struct EndpointHealth {
    is_down: bool,
    /// Set by the first answer. The log does not mention an endpoint that never answered: a host name may have
    /// addresses where nothing listens.
    has_answered: bool,
}

/// A running request. Dropping it ends the count.
pub(in crate::guard) struct RunningRequest(Arc<DialedEndpoint>);

impl DialedEndpoint {
    /// Creates an endpoint at one address of a URL's host. It connects at the first request, which lasts at most
    /// `limit`.
    pub(super) fn at_address(target: usize, url: &ServerUrl, address: SocketAddr, limit: Duration) -> Self {
        Self::from_dialer(EndpointSource { target, address: Some(address) }, url.dialer_at(address), limit)
    }

    /// Creates an endpoint that connects in this way.
    pub(super) fn from_dialer(source: EndpointSource, dialer: Dialer, limit: Duration) -> Self {
        let dialer = dialer.map(|endpoint| {
            endpoint
                .connect_timeout(limit)
                .tcp_nodelay(true)
                .http2_keep_alive_interval(PING_INTERVAL)
                .keep_alive_timeout(PING_TIMEOUT)
                .keep_alive_while_idle(true)
        });
        let channel = ReplaceableChannel::from_endpoint(dialer.clone(), limit);
        Self::with_channel(source, Some(dialer), channel)
    }

    /// Creates an endpoint for a channel from the caller.
    pub(super) fn from_channel(channel: Channel) -> Self {
        let source = EndpointSource { target: 0, address: None };
        Self::with_channel(source, None, ReplaceableChannel::from_channel(channel))
    }

    fn with_channel(source: EndpointSource, dialer: Option<Dialer>, channel: ReplaceableChannel) -> Self {
        Self { source, dialer, channel, running: AtomicUsize::new(0), health: Mutex::default() }
    }

    /// Returns the place in the configuration.
    pub(super) fn source(&self) -> EndpointSource {
        self.source
    }

    /// Returns the channel for requests.
    pub(in crate::guard) fn channel(&self) -> &ReplaceableChannel {
        &self.channel
    }

    /// Returns the way to connect; `None` for a channel from the caller.
    pub(in crate::guard) fn dialer(&self) -> Option<&Dialer> {
        self.dialer.as_ref()
    }

    /// Returns the number of running requests.
    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Returns true unless the endpoint failed and has not answered since.
    pub(super) fn is_up(&self) -> bool {
        !self.with_health(|health| health.is_down)
    }

    /// Marks the endpoint as down. Returns false if it was down already.
    pub(super) fn go_down(&self, cause: &str) -> bool {
        let before = self.with_health(|health| std::mem::replace(health, EndpointHealth { is_down: true, ..*health }));
        if !before.is_down && before.has_answered {
            tracing::warn!(endpoint = self.name(), cause, "auth endpoint down: requests go to the others");
        }
        !before.is_down
    }

    /// Marks the endpoint as up, after an answer. Returns false if it was up already.
    pub(super) fn go_up(&self) -> bool {
        let after = EndpointHealth { is_down: false, has_answered: true };
        let before = self.with_health(|health| std::mem::replace(health, after));
        if before.is_down && before.has_answered {
            tracing::info!(endpoint = self.name(), "auth endpoint up again");
        }
        before.is_down
    }

    /// Returns the name for the log: the address, or the place in the configuration.
    fn name(&self) -> String {
        let EndpointSource { target, address } = self.source;
        address.map_or_else(|| format!("endpoint {}", target + 1), |address| address.to_string())
    }

    fn with_health<T>(&self, change: impl FnOnce(&mut EndpointHealth) -> T) -> T {
        change(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RunningRequest {
    /// Counts a request until the value is dropped.
    pub(in crate::guard) fn start(endpoint: &Arc<DialedEndpoint>) -> Self {
        endpoint.running.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(endpoint))
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}
