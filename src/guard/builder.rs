//! Settings of an [`AuthService`], with defaults and ranges.

use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::runtime::Handle;
use tonic::transport::Endpoint;

use super::Token;
use super::authorizer::GUARD_TIMEOUT;
use super::client::{AuthService, ClientSettings};
use super::endpoints::EndpointTarget;
use super::feed::FeedCredential;
use crate::Uptime;
use crate::dial::{InvalidUrl, ServerUrl};
#[cfg(feature = "tls")]
use crate::tls::{ClientTls, ClientTlsError};
use crate::trace::SpanReport;

/// Ranges of the settings. The maximum age of evidence cannot be set, because the guarantee depends on this age.
const ALLOWED_TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(50)..=GUARD_TIMEOUT;
const ALLOWED_ATTEMPTS: RangeInclusive<u32> = 1..=5;
const ALLOWED_FAILURES: RangeInclusive<u32> = 1..=100;
const ALLOWED_PROBE_INTERVALS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(1);
const ALLOWED_CACHE_CAPACITIES: RangeInclusive<usize> = 100..=10_000_000;

/// Maximum number of endpoints of an auth service. A host name counts once.
const MAX_ENDPOINTS: usize = 32;

/// The address of an auth service: a URL or tonic's [`Endpoint`]. The URL is `http://HOST:PORT`, or `https://HOST:PORT`
/// for TLS.
#[derive(Clone, Debug)]
pub struct AuthEndpoint(pub(super) EndpointAddress);

#[derive(Clone, Debug)]
pub(super) enum EndpointAddress {
    Url(String),
    Endpoint(Box<Endpoint>),
}

impl From<&str> for AuthEndpoint {
    fn from(url: &str) -> Self {
        url.to_owned().into()
    }
}

impl From<&String> for AuthEndpoint {
    fn from(url: &String) -> Self {
        url.clone().into()
    }
}

impl From<String> for AuthEndpoint {
    fn from(url: String) -> Self {
        Self(EndpointAddress::Url(url))
    }
}

impl From<Endpoint> for AuthEndpoint {
    fn from(endpoint: Endpoint) -> Self {
        Self(EndpointAddress::Endpoint(Box::new(endpoint)))
    }
}

impl AuthServiceBuilder {
    /// Converts an endpoint's address into a target, with the builder's TLS for a URL.
    fn target(&self, endpoint: &AuthEndpoint) -> Result<EndpointTarget, BuildError> {
        Ok(match &endpoint.0 {
            #[cfg(feature = "tls")]
            EndpointAddress::Endpoint(_) if self.tls.is_some() => return Err(BuildError::TwoWays),
            EndpointAddress::Endpoint(endpoint) => EndpointTarget::Custom(Box::new((**endpoint).clone().into())),
            #[cfg(feature = "tls")]
            EndpointAddress::Url(url) if self.tls.is_some() || url.starts_with("https://") => {
                let tls = self.tls.clone().map_or_else(|| ClientTls::builder().build(), Ok)?;
                EndpointTarget::Url(ServerUrl::tls(url, tls)?)
            }
            EndpointAddress::Url(url) => EndpointTarget::Url(ServerUrl::plain(url)?),
        })
    }

    /// Returns the credential for the revocation feed: the service key, or the client certificate if there is no key.
    fn feed_credential(&self) -> Option<FeedCredential> {
        let key = self.service_key.clone().map(FeedCredential::ServiceKey);
        #[cfg(feature = "tls")]
        let key = key.or_else(|| self.tls.as_ref()?.expire_time().map(|_| FeedCredential::Certificate));
        key
    }
}

/// A builder of [`AuthService`]; [`AuthService::builder`] returns one.
#[derive(Clone, Debug)]
#[must_use = "build() makes the AuthService"]
pub struct AuthServiceBuilder {
    endpoints: Vec<AuthEndpoint>,
    service_key: Option<Token>,
    #[cfg(feature = "tls")]
    tls: Option<ClientTls>,
    uptime: Uptime,
    report: SpanReport,
    settings: ClientSettings,
}

impl AuthService {
    /// Returns a builder for the auth service at this address: `http://HOST:PORT`, or tonic's [`Endpoint`].
    ///
    /// The feature `tls` also allows `https://HOST:PORT`. By default a public authority must have signed the server's
    /// certificate. The client connects on demand, and reconnects when a connection breaks or falls silent. For several
    /// replicas, add each one with [`endpoint`](AuthServiceBuilder::endpoint), or use a host name with several
    /// addresses.
    ///
    /// ```no_run
    /// # fn auth(key: &gatepost::Token) -> Result<gatepost::AuthService, Box<dyn std::error::Error>> {
    /// use gatepost::AuthService;
    /// use tonic::transport::Endpoint;
    /// // For TLS, turn on a TLS feature of tonic, and add `.tls_config(ClientTlsConfig::new())?` here.
    /// let endpoint = Endpoint::from_static("https://auth.example.com");
    /// let auth = AuthService::builder(endpoint).service_key(key).build()?;
    /// # Ok(auth)
    /// # }
    /// ```
    pub fn builder(endpoint: impl Into<AuthEndpoint>) -> AuthServiceBuilder {
        AuthServiceBuilder::new(endpoint.into())
    }
}

impl AuthServiceBuilder {
    pub(super) fn new(endpoint: AuthEndpoint) -> Self {
        Self {
            endpoints: vec![endpoint],
            service_key: None,
            #[cfg(feature = "tls")]
            tls: None,
            uptime: Uptime::system(),
            report: SpanReport::default(),
            settings: ClientSettings::default(),
        }
    }

    /// Adds an endpoint: another replica of the same auth service, with the same database.
    ///
    /// Each request goes to the least busy endpoint that is up. If this endpoint fails or stays silent, the request
    /// goes to another one, within the request's time limit. The revocation feed uses one endpoint, and moves to
    /// another if the first fails. A host name stands for all its addresses, so replicas behind one name need only this
    /// name. The client looks the name up again every ten seconds and after a failure.
    pub fn endpoint(mut self, endpoint: impl Into<AuthEndpoint>) -> Self {
        self.endpoints.push(endpoint.into());
        self
    }

    /// Sets the trusted authorities, the client certificate and the server's name for URLs `https://HOST:PORT`.
    ///
    /// A client certificate can replace the service key. Then the guard follows the revocation feed if the auth service
    /// lists a name of the certificate in `AUTH_TLS_SERVICES`.
    #[cfg(feature = "tls")]
    pub fn tls(self, tls: ClientTls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Sets the service key, which the auth service has as `AUTH_SERVICE_KEY`. With the key the guard follows the
    /// revocation feed and caches introspections. Default: none, so the guard sends a request for each call. With a
    /// wrong key the guard caches no introspections, and logs that the key is wrong.
    pub fn service_key(self, key: &Token) -> Self {
        Self { service_key: Some(key.clone()), ..self }
    }

    /// Sets the time limit of an introspection, retries included. Default: 500 ms. Range: 50 to 500 ms.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Sets the maximum number of attempts of a request while the auth service is unavailable, the first one included.
    /// Default: 3. Range: 1 to 5. In the long run, retries add at most 10 % to the requests
    /// ([`Retry`](super::layers::Retry)).
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.settings.attempts = attempts;
        self
    }

    /// Sets the number of consecutive failures that open the circuit breaker, and the interval of its probes while it
    /// is open. Defaults: 5 and 250 ms. Ranges: 1 to 100, and 10 ms to 1 s ([`Breaker`](super::layers::Breaker)).
    pub fn breaker(mut self, failures: u32, probe_interval: Duration) -> Self {
        (self.settings.failures, self.settings.probe_interval) = (failures, probe_interval);
        self
    }

    /// Sets the maximum number of cached active introspections. Each takes 500 bytes on average. Default: 100,000.
    /// Range: 100 to 10,000,000.
    pub fn cache_capacity(mut self, count: usize) -> Self {
        self.settings.cache_capacity = count;
        self
    }

    /// Sets the maximum number of cached inactive introspections. Each stays for 1 s. Default: 10,000. Range: 100 to
    /// 10,000,000.
    pub fn inactive_cache_capacity(mut self, count: usize) -> Self {
        self.settings.inactive_cache_capacity = count;
        self
    }

    /// Sets a function that reports the guard's requests to a tracer. The function gets each request for a call whose
    /// trace is recorded. Default: none. Then a request has no span, and the auth service's span is a child of the
    /// call's span.
    pub fn report_requests(self, report: SpanReport) -> Self {
        Self { report, ..self }
    }

    /// Sets the clock for the age of evidence. Default: the machine's. A test can pass [`Uptime::manual`].
    pub fn uptime(self, uptime: Uptime) -> Self {
        Self { uptime, ..self }
    }

    /// Builds the client, which connects on demand. With a service key or a client certificate, the client opens the
    /// revocation feed at once.
    ///
    /// # Errors
    /// Fails if a URL, a TLS file or a setting is invalid, or if there are too many endpoints. Fails outside a Tokio
    /// runtime.
    pub fn build(self) -> Result<AuthService, BuildError> {
        self.settings.check()?;
        if self.endpoints.len() > MAX_ENDPOINTS {
            return Err(BuildError::TooManyEndpoints(self.endpoints.len()));
        }
        let targets = self.endpoints.iter().map(|endpoint| self.target(endpoint)).collect::<Result<_, _>>()?;
        let credential = self.feed_credential();
        Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        Ok(AuthService::start(targets, credential, self.uptime, self.report, &self.settings))
    }
}

impl ClientSettings {
    fn check(&self) -> Result<(), BuildError> {
        let Self { timeout, attempts, failures, probe_interval, cache_capacity, inactive_cache_capacity } = self;
        check_range("timeout", timeout, &ALLOWED_TIMEOUTS)?;
        check_range("attempts", attempts, &ALLOWED_ATTEMPTS)?;
        check_range("breaker: failures", failures, &ALLOWED_FAILURES)?;
        check_range("breaker: probe_interval", probe_interval, &ALLOWED_PROBE_INTERVALS)?;
        check_range("cache_capacity", cache_capacity, &ALLOWED_CACHE_CAPACITIES)?;
        check_range("inactive_cache_capacity", inactive_cache_capacity, &ALLOWED_CACHE_CAPACITIES)
    }
}

fn check_range<T: PartialOrd + std::fmt::Debug>(
    name: &'static str,
    value: &T,
    allowed: &RangeInclusive<T>,
) -> Result<(), BuildError> {
    if allowed.contains(value) {
        return Ok(());
    }
    let (value, allowed) = (format!("{value:?}"), format!("{:?} to {:?}", allowed.start(), allowed.end()));
    Err(BuildError::Setting { name, value, allowed })
}

/// The error of [`AuthServiceBuilder::build`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A URL has the wrong form.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// There are more endpoints than the client allows.
    #[error(
        "AuthService::builder(): {0} endpoints are too many; give at most {MAX_ENDPOINTS}, or one host name for all"
    )]
    TooManyEndpoints(usize),
    /// A setting is out of range.
    #[error("AuthService::builder(): {name} is {value}, and must be {allowed}")]
    Setting {
        /// The name of the setting.
        name: &'static str,
        /// The given value.
        value: String,
        /// The allowed range.
        allowed: String,
    },
    /// The caller is outside a Tokio runtime, which connections need.
    #[error("AuthService::builder(): no Tokio runtime; call build() inside one, for example under #[tokio::main]")]
    NoRuntime,
    /// The TLS files or the TLS settings cannot be used.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] ClientTlsError),
    /// The builder has TLS settings, but an endpoint is tonic's [`Endpoint`], which has its own TLS.
    #[cfg(feature = "tls")]
    #[error(
        "AuthService::builder(): tls() does not apply to an Endpoint; give a URL https://HOST:PORT with tls(), or an \
         Endpoint with its own TLS and no tls()"
    )]
    TwoWays,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(url: &str) -> Result<AuthService, BuildError> {
        AuthService::builder(url).build()
    }

    #[tokio::test]
    async fn url_that_cannot_work_is_refused_and_shown() {
        for url in ["", "127.0.0.1:50051", "grpc://auth:50051", "http://auth", "not a url"] {
            let Err(error) = build(url) else { panic!("{url} works") };
            let shown = Box::<dyn std::error::Error>::from(error).to_string();
            assert!(shown.contains(&format!("is {url:?}, and must be http://HOST:PORT")), "{shown}");
        }
        for scheme in ["https", "grpc"] {
            let Err(error) = build(&format!("{scheme}://ada:canary@auth:50051")) else { panic!("{scheme} URL works") };
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(&format!("{scheme}://auth:50051")) && !shown.contains("canary"), "{shown}");
        }
        assert!(build("http://[::1]:50051").is_ok());
    }

    #[tokio::test]
    async fn setting_beyond_its_bounds_is_refused_by_name() {
        let new = || AuthService::builder("http://127.0.0.1:1");
        for (builder, name) in [
            (new().timeout(Duration::from_millis(501)), "timeout is 501ms, and must be 50ms to 500ms"),
            (new().timeout(Duration::ZERO), "timeout is 0ns"),
            (new().attempts(0), "attempts is 0, and must be 1 to 5"),
            (new().breaker(0, Duration::from_millis(250)), "failures is 0"),
            (new().breaker(5, Duration::from_secs(2)), "probe_interval is 2s, and must be 10ms to 1s"),
            (new().cache_capacity(1), "cache_capacity is 1"),
            (new().inactive_cache_capacity(usize::MAX), "inactive_cache_capacity is"),
        ] {
            let Err(error) = builder.build() else { panic!("accepted, but wanted: {name}") };
            assert!(error.to_string().contains(name), "{error}");
        }
        let edges = new().timeout(Duration::from_millis(50)).attempts(5).breaker(100, Duration::from_secs(1));
        assert!(edges.cache_capacity(100).build().is_ok());
    }

    #[test]
    fn build_outside_a_runtime_is_an_error() {
        let key = Token::parse("key").unwrap();
        let built = AuthService::builder("http://127.0.0.1:1").service_key(&key).build();
        assert!(matches!(built, Err(BuildError::NoRuntime)));
    }
}
