//! The auth service's endpoints: the choice of one for each request and for the feed, and their health.

mod endpoint;
mod names;
mod outcome;
mod probe;
mod race;
mod replaceable_channel;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tonic::transport::Channel;

use super::jitter;
use crate::dial::{Dialer, ServerUrl};
use crate::metrics::AuthMetrics;
use endpoint::EndpointSource;
use replaceable_channel::ReplaceableChannel;

pub(super) use endpoint::{DialedEndpoint, RunningRequest};
pub(super) use names::NameResolver;
pub(super) use outcome::{causes, is_answered, is_endpoint_fault};
pub(super) use race::Race;

/// Wait for an answer before a request is sent to another endpoint too, as a part of the request's time limit.
const SUSPECT_SHARE: f64 = 0.3;

/// Endpoints that one request tries. The bound keeps an outage of many endpoints from multiplying the requests.
pub(super) const MAX_TRIED_ENDPOINTS: usize = 3;

/// An endpoint as it is configured.
#[derive(Clone, Debug)]
pub(super) enum EndpointTarget {
    /// A URL. A host name stands for all of its addresses.
    Url(ServerUrl),
    /// An endpoint that connects as the user configured it.
    Custom(Box<Dialer>),
}

/// The endpoints of the auth service. Clones share them.
///
/// - A request goes to the endpoint with the fewest running requests, among those that are up. While all are down, they
///   take turns.
/// - An endpoint is down after a broken connection, an answer `UNAVAILABLE`, or silence. A probe or an answer brings it
///   up again. A single endpoint is never down: there is no other choice.
/// - A host name stands for all of its addresses, which are looked up again every ten seconds and after a failure.
#[derive(Clone)]
pub(super) struct AuthEndpoints(Arc<EndpointsState>);

struct EndpointsState {
    /// Time limit of a request.
    limit: Duration,
    current: watch::Sender<EndpointList>,
    /// Asks for a lookup of the names.
    lookup: watch::Sender<()>,
    /// The next endpoint among equal ones.
    turn: AtomicU64,
    metrics: AuthMetrics,
}

type EndpointList = Arc<[Arc<DialedEndpoint>]>;

impl AuthEndpoints {
    /// Creates the set. It lists no address of a host name before its [`NameResolver`] runs.
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub(super) fn new(targets: &[EndpointTarget], limit: Duration, metrics: AuthMetrics) -> Self {
        let endpoints = targets.iter().enumerate().filter_map(|(target, endpoint)| match endpoint {
            EndpointTarget::Url(url) => Some(DialedEndpoint::at_address(target, url, url.address()?, limit)),
            EndpointTarget::Custom(dialer) => {
                let source = EndpointSource { target, address: None };
                Some(DialedEndpoint::from_dialer(source, (**dialer).clone(), limit))
            }
        });
        Self::from_list(endpoints.map(Arc::new).collect(), limit, metrics)
    }

    /// Wraps a channel from the caller, which is never replaced.
    pub(super) fn from_channel(channel: Channel) -> Self {
        let endpoint = DialedEndpoint::from_channel(channel);
        Self::from_list([Arc::new(endpoint)].into(), Duration::MAX / 4, AuthMetrics::default())
    }

    fn from_list(list: EndpointList, limit: Duration, metrics: AuthMetrics) -> Self {
        metrics.counters().endpoints.set(list.len());
        let (current, turn) = (watch::Sender::new(list), AtomicU64::new(jitter::number()));
        Self(Arc::new(EndpointsState { limit, current, lookup: watch::Sender::new(()), turn, metrics }))
    }

    /// Returns the wait for an answer after which an endpoint is suspected to be silent.
    pub(super) fn suspect_after(&self) -> Duration {
        self.0.limit.mul_f64(SUSPECT_SHARE)
    }

    /// Returns the endpoint for a request. Waits for the first lookup until the deadline.
    pub(super) async fn first(&self, deadline: Instant) -> Option<Arc<DialedEndpoint>> {
        if let Some(endpoint) = self.pick(&[]) {
            return Some(endpoint);
        }
        self.0.lookup.send_replace(());
        let mut current = self.0.current.subscribe();
        timeout_at(deadline, current.wait_for(|list| !list.is_empty())).await.ok()?.ok()?;
        self.pick(&[])
    }

    /// Returns another endpoint for a request whose endpoint failed; `None` if all are tried. It may be down: the next
    /// probe of an endpoint that has just started may be a second away.
    pub(super) fn after_failure(&self, tried: &[Arc<DialedEndpoint>]) -> Option<Arc<DialedEndpoint>> {
        self.count_failover(tried, self.pick(tried))
    }

    /// Returns another endpoint for a request whose endpoint is silent; `None` if no untried one is up.
    pub(super) fn after_silence(&self, tried: &[Arc<DialedEndpoint>]) -> Option<Arc<DialedEndpoint>> {
        self.count_failover(tried, self.pick(tried).filter(|endpoint| endpoint.is_up()))
    }

    fn count_failover(
        &self,
        tried: &[Arc<DialedEndpoint>],
        next: Option<Arc<DialedEndpoint>>,
    ) -> Option<Arc<DialedEndpoint>> {
        let next = next.filter(|_| tried.len() < MAX_TRIED_ENDPOINTS)?;
        self.0.metrics.counters().failovers.one();
        Some(next)
    }

    /// Returns the least busy untried endpoint that is up, otherwise the next untried one in turn.
    fn pick(&self, tried: &[Arc<DialedEndpoint>]) -> Option<Arc<DialedEndpoint>> {
        let list = self.list();
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        let begin = usize::try_from(turn % list.len().max(1) as u64).unwrap_or_default();
        let is_untried = |endpoint: &&Arc<DialedEndpoint>| !tried.iter().any(|tried| Arc::ptr_eq(tried, endpoint));
        let untried = || list[begin..].iter().chain(&list[..begin]).filter(is_untried);
        let up = untried().filter(|endpoint| endpoint.is_up()).min_by_key(|endpoint| endpoint.running());
        up.or_else(|| untried().next()).cloned()
    }

    /// Returns an endpoint for a stream of the feed. Another one than `last`, if another is up. Waits while no name is
    /// resolved.
    pub(super) async fn for_feed(&self, last: Option<&Arc<DialedEndpoint>>) -> Arc<DialedEndpoint> {
        let mut current = self.0.current.subscribe();
        loop {
            let tried = last.map(std::slice::from_ref).unwrap_or_default();
            if let Some(endpoint) = self.pick(tried).or_else(|| self.pick(&[])) {
                return endpoint;
            }
            self.0.lookup.send_replace(());
            // The sender lives in `self`.
            let _ = current.wait_for(|list| !list.is_empty()).await;
        }
    }

    /// Returns the number of endpoints.
    pub(super) fn count(&self) -> usize {
        self.0.current.borrow().len()
    }

    /// Records that an endpoint failed, and asks for a lookup: the names may have other addresses now. Requests go to
    /// the other endpoints until it answers a probe.
    pub(super) fn record_failure(&self, endpoint: &Arc<DialedEndpoint>, cause: &str) {
        self.0.lookup.send_replace(());
        let list = self.list();
        let is_listed = list.iter().any(|listed| Arc::ptr_eq(listed, endpoint));
        if !is_listed || list.len() < 2 || !endpoint.go_down(cause) {
            return;
        }
        self.count_down();
        let state = Arc::downgrade(&self.0);
        probe::start(endpoint, self.0.limit, move |endpoint| {
            if let Some(state) = state.upgrade() {
                Self(state).record_answer(endpoint);
            }
        });
    }

    /// Records an answer of an endpoint other than `UNAVAILABLE`.
    pub(super) fn record_answer(&self, endpoint: &DialedEndpoint) {
        if endpoint.go_up() {
            self.count_down();
        }
    }

    /// Opens new connections to the endpoints that have not answered since.
    pub(super) fn replace_if_silent_since(&self, since: Instant) {
        for endpoint in self.list().iter() {
            endpoint.channel().replace_if_silent_since(since);
        }
    }

    /// Replaces the endpoints of one target. Returns false if they are the same.
    fn set_addresses(
        &self,
        target: usize,
        endpoints: impl FnOnce(&[Arc<DialedEndpoint>]) -> Vec<Arc<DialedEndpoint>>,
    ) -> bool {
        let is_changed = self.0.current.send_if_modified(|list| {
            let (old, others): (Vec<_>, Vec<_>) = list.iter().cloned().partition(|one| one.source().target == target);
            let new = endpoints(&old);
            let is_same = new.len() == old.len() && new.iter().zip(&old).all(|(new, old)| Arc::ptr_eq(new, old));
            if !is_same {
                *list = others.into_iter().chain(new).collect();
            }
            !is_same
        });
        self.0.metrics.counters().endpoints.set(self.count());
        self.count_down();
        is_changed
    }

    fn count_down(&self) {
        let down = self.list().iter().filter(|endpoint| !endpoint.is_up()).count();
        self.0.metrics.counters().endpoints_down.set(down);
    }

    fn list(&self) -> EndpointList {
        Arc::clone(&self.0.current.borrow())
    }

    /// Returns the requests for a lookup.
    fn lookups(&self) -> watch::Receiver<()> {
        self.0.lookup.subscribe()
    }

    /// Returns the time limit of a request.
    fn limit(&self) -> Duration {
        self.0.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns endpoints of this number of addresses. Nothing listens there.
    fn endpoints(count: u8) -> AuthEndpoints {
        let url = |last| ServerUrl::plain(&format!("http://127.0.0.{last}:1")).unwrap();
        let targets: Vec<_> = (1..=count).map(|last| EndpointTarget::Url(url(last))).collect();
        AuthEndpoints::new(&targets, Duration::from_millis(500), AuthMetrics::default())
    }

    #[tokio::test]
    async fn least_busy_endpoint_is_picked() {
        let endpoints = endpoints(3);
        let first = endpoints.pick(&[]).unwrap();
        let _busy = RunningRequest::start(&first);
        let second = endpoints.pick(&[]).unwrap();
        let busy_too = RunningRequest::start(&second);
        let third = endpoints.pick(&[]).unwrap();
        let _busy_three = RunningRequest::start(&third);
        drop(busy_too);
        assert!(Arc::ptr_eq(&endpoints.pick(&[]).unwrap(), &second));
        assert!(!Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&second, &third) && !Arc::ptr_eq(&first, &third));
    }

    #[tokio::test]
    async fn endpoint_that_is_down_is_picked_last() {
        let endpoints = endpoints(2);
        let [one, two] = [0, 1].map(|place| Arc::clone(&endpoints.list()[place]));
        endpoints.record_failure(&one, "refused");
        for _ in 0..4 {
            assert!(Arc::ptr_eq(&endpoints.pick(&[]).unwrap(), &two));
        }
        let tried = std::slice::from_ref(&two);
        assert!(endpoints.after_silence(tried).is_none());
        assert!(Arc::ptr_eq(&endpoints.after_failure(tried).unwrap(), &one));
        endpoints.record_failure(&two, "refused");
        let picked = [(); 2].map(|()| endpoints.pick(&[]).unwrap());
        assert!(!Arc::ptr_eq(&picked[0], &picked[1]), "they take turns");
        endpoints.record_answer(&one);
        assert!(Arc::ptr_eq(&endpoints.pick(&[]).unwrap(), &one));
    }

    #[tokio::test]
    async fn single_endpoint_is_never_down() {
        let endpoints = endpoints(1);
        let one = endpoints.pick(&[]).unwrap();
        endpoints.record_failure(&one, "refused");
        assert!(one.is_up());
    }

    #[tokio::test]
    async fn request_tries_three_endpoints() {
        let endpoints = endpoints(5);
        let mut tried = vec![endpoints.pick(&[]).unwrap()];
        while let Some(next) = endpoints.after_failure(&tried) {
            tried.push(next);
        }
        assert_eq!(tried.len(), MAX_TRIED_ENDPOINTS);
    }
}
