//! Lookups of the host names of the auth service.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{AuthEndpoints, DialedEndpoint, EndpointSource, EndpointTarget};
use crate::dial::ServerUrl;

/// Longest pause between two lookups, in addition to the minimum pause.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(10);

/// Minimum pause between two lookups.
const MIN_LOOKUP_PAUSE: Duration = Duration::from_millis(500);

/// Maximum number of addresses of a host name.
const MAX_NAME_ADDRESSES: usize = 32;

/// The tasks that look up the host names. Dropping the value ends them.
#[derive(Debug)]
pub(in crate::guard) struct NameResolver {
    _tasks: JoinSet<()>,
}

impl NameResolver {
    /// Starts a task for each host name. An IP address needs none.
    ///
    /// # Panics
    /// Panics outside a Tokio runtime, if there is a host name.
    pub(in crate::guard) fn start(endpoints: &AuthEndpoints, targets: Vec<EndpointTarget>) -> Self {
        let mut tasks = JoinSet::new();
        for (target, endpoint) in targets.into_iter().enumerate() {
            if let EndpointTarget::Url(url) = endpoint
                && url.address().is_none()
            {
                let name = HostName { endpoints: endpoints.clone(), target, url: url.clone(), is_failing: false };
                tasks.spawn(name.follow(move || {
                    let url = url.clone();
                    async move { Ok(lookup_host((url.host(), url.port())).await?.collect()) }
                }));
            }
        }
        Self { _tasks: tasks }
    }
}

/// One host name.
struct HostName {
    endpoints: AuthEndpoints,
    target: usize,
    url: ServerUrl,
    /// Set by a failed lookup, cleared by the next success.
    is_failing: bool,
}

impl HostName {
    /// Looks up the name again and again. A lookup has no time limit of its own: it would go on in a thread, and the
    /// next one would need another thread.
    async fn follow<F>(mut self, lookup: impl Fn() -> F + Send)
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send,
    {
        let mut wanted = self.endpoints.lookups();
        loop {
            wanted.mark_unchanged();
            match lookup().await {
                Ok(addresses) if !addresses.is_empty() => self.set(addresses),
                Ok(_) => self.log_failure("the name has no address"),
                Err(error) => self.log_failure(&error.to_string()),
            }
            sleep(MIN_LOOKUP_PAUSE).await;
            // A failed lookup is repeated at once, and so is one that a failed request asks for.
            if !self.is_failing {
                let _ = timeout(LOOKUP_INTERVAL, wanted.changed()).await;
            }
        }
    }

    /// Sets the addresses of the name. They are sorted, so that the same ones remain if there are too many.
    fn set(&mut self, mut addresses: Vec<SocketAddr>) {
        self.is_failing = false;
        addresses.sort_unstable();
        addresses.dedup();
        addresses.truncate(MAX_NAME_ADDRESSES);
        let (target, url, limit) = (self.target, &self.url, self.endpoints.limit());
        let is_new = self.endpoints.set_addresses(target, |old| {
            let endpoint = |&address: &SocketAddr| {
                let source = EndpointSource { target, address: Some(address) };
                let kept = old.iter().find(|endpoint| endpoint.source() == source);
                kept.map_or_else(|| Arc::new(DialedEndpoint::at_address(target, url, address, limit)), Arc::clone)
            };
            addresses.iter().map(endpoint).collect()
        });
        if is_new {
            tracing::info!(host = url.host(), addresses = addresses.len(), "auth service's addresses resolved");
        }
    }

    /// Logs the first failed lookup of a row. The known addresses stay.
    fn log_failure(&mut self, cause: &str) {
        if !std::mem::replace(&mut self.is_failing, true) {
            let host = self.url.host();
            tracing::warn!(host, cause, "auth service's host name not resolved: check --auth-url and the DNS");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::{Instant, advance};

    use super::*;
    use crate::metrics::AuthMetrics;

    type Answers = Arc<Mutex<Vec<io::Result<Vec<SocketAddr>>>>>;

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, last], 1))
    }

    /// Returns endpoints whose name has these addresses, one lookup after the other. The last lookup fails.
    fn endpoints(answers: &[&[u8]]) -> (AuthEndpoints, JoinSet<()>) {
        let url = ServerUrl::plain("http://auth.test:1").unwrap();
        let targets = [EndpointTarget::Url(url.clone())];
        let endpoints = AuthEndpoints::new(&targets, Duration::from_millis(500), AuthMetrics::default());
        let name = HostName { endpoints: endpoints.clone(), target: 0, url, is_failing: false };
        let answers = answers.iter().map(|last| Ok(last.iter().copied().map(address).collect())).rev().collect();
        let answers: Answers = Arc::new(Mutex::new(answers));
        let mut tasks = JoinSet::new();
        tasks.spawn(name.follow(move || {
            let answer = answers.lock().unwrap().pop();
            async move { answer.unwrap_or_else(|| Err(io::Error::other("no such name"))) }
        }));
        (endpoints, tasks)
    }

    fn listed(endpoints: &AuthEndpoints) -> Vec<SocketAddr> {
        endpoints.list().iter().filter_map(|endpoint| endpoint.source().address).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn first_request_waits_for_the_lookup() {
        let (endpoints, _tasks) = endpoints(&[&[1]]);
        assert_eq!(listed(&endpoints), []);
        let endpoint = endpoints.first(Instant::now() + Duration::from_millis(500)).await.unwrap();
        assert_eq!(endpoint.source().address, Some(address(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn unresolved_name_has_no_endpoint_in_time() {
        let (endpoints, _tasks) = endpoints(&[]);
        let begun = Instant::now();
        assert!(endpoints.first(begun + Duration::from_millis(500)).await.is_none());
        assert_eq!(begun.elapsed(), Duration::from_millis(500));
    }

    #[tokio::test(start_paused = true)]
    async fn next_lookup_replaces_addresses_and_keeps_connections() {
        let (endpoints, _tasks) = endpoints(&[&[2, 1, 2], &[2, 3], &[]]);
        let begun = Instant::now();
        endpoints.first(begun + Duration::from_millis(500)).await.unwrap();
        assert_eq!(listed(&endpoints), [1, 2].map(address));
        let kept = Arc::clone(&endpoints.list()[1]);
        let mut changes = endpoints.0.current.subscribe();
        changes.changed().await.unwrap();
        assert_eq!(begun.elapsed(), MIN_LOOKUP_PAUSE + LOOKUP_INTERVAL);
        assert_eq!(listed(&endpoints), [2, 3].map(address));
        assert!(Arc::ptr_eq(&endpoints.list()[0], &kept));
        // Later lookups find nothing.
        advance(3 * LOOKUP_INTERVAL).await;
        tokio::task::yield_now().await;
        assert_eq!(listed(&endpoints), [2, 3].map(address));
    }

    #[tokio::test(start_paused = true)]
    async fn failed_request_causes_a_lookup() {
        let (endpoints, _tasks) = endpoints(&[&[1], &[2]]);
        let begun = Instant::now();
        let failed = endpoints.first(begun + Duration::from_millis(500)).await.unwrap();
        let mut changes = endpoints.0.current.subscribe();
        endpoints.record_failure(&failed, "refused");
        changes.changed().await.unwrap();
        assert_eq!((begun.elapsed(), listed(&endpoints)), (MIN_LOOKUP_PAUSE, vec![address(2)]));
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_of_a_name_are_bounded() {
        let all: Vec<_> = (0..=255).collect();
        let (endpoints, _tasks) = endpoints(&[&all]);
        endpoints.first(Instant::now() + Duration::from_millis(500)).await.unwrap();
        assert_eq!(listed(&endpoints).len(), MAX_NAME_ADDRESSES);
    }
}
