//! Health check of a running service: the probe of an image that has no other program.

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use gatepost::tls::{ClientTls, ClientTlsError};
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::ServiceAddress;
use crate::config::duration;
use crate::tls::ClientTlsFlags;

/// Default time to wait for the answer.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// Arguments of the health check.
#[derive(Clone, Debug, Args)]
pub struct Healthcheck {
    /// Address of the service, http://HOST:PORT or https://HOST:PORT [default: its listen address]
    #[arg(long, value_parser = ServiceAddress::parse)]
    pub url: Option<ServiceAddress>,
    /// Time to wait for the answer
    #[arg(long, default_value = "3s", value_parser = duration)]
    pub timeout: Duration,
    /// TLS to the service; without `--ca` and `--url`, the service's own certificate is trusted
    #[command(flatten)]
    pub tls: ClientTlsFlags,
}

/// Result of a failed health check. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// No process answers at the address.
    #[error("nothing answers at {0}: start the service, or name its address with --url (https:// if it wants TLS)")]
    Silent(String),
    /// No answer came in time.
    #[error("{0} has not answered within {1:?}: see the service's log, or allow more time with --timeout")]
    Late(String, Duration),
    /// The service reports that it does not serve.
    #[error("{0} says that it does not serve: its database does not answer, or it is stopping; see the service's log")]
    NotServing(String),
    /// The answer does not come from this health service.
    #[error("{0} is not a Gatepost service ({1:?}), or wants TLS: name the service's address with --url")]
    Strange(String, Code),
    /// The service listens on any free port, so its address is unknown.
    #[error("the port of the service is unknown: name its address with --url http://HOST:PORT")]
    AnyPort,
    /// The TLS files cannot be used.
    #[error("{0}")]
    Files(#[from] ClientTlsError),
    /// There are TLS flags for a URL in plaintext.
    #[error("{0} is for plaintext: write https://HOST:PORT, or leave out the TLS flags")]
    Plaintext(String),
    /// TLS has failed.
    #[error("{0} cannot be checked over TLS ({1}): see --ca, --client-cert, --client-key and --server-name")]
    Tls(String, String),
}

impl Healthcheck {
    /// Returns the check of a service at its listen address.
    #[must_use]
    pub fn own() -> Self {
        Self { url: None, timeout: DEFAULT_TIMEOUT, tls: ClientTlsFlags::default() }
    }

    /// Checks the service that listens on `listen`, and prints a line to standard output if it serves. `certificate` is
    /// the file of the service's certificate, if it uses TLS.
    ///
    /// # Errors
    /// [`Unhealthy`], with a text that says what to do.
    pub async fn run(self, listen: SocketAddr, certificate: Option<&Path>) -> Result<(), Unhealthy> {
        let url = self.check(listen, certificate).await?;
        // A closed standard output is not a failure.
        let _ = writeln!(std::io::stdout(), "{url} serves");
        Ok(())
    }

    /// Checks the service as [`run`](Self::run) does. Returns its URL.
    ///
    /// # Errors
    /// [`Unhealthy`], with a text that says what to do.
    pub async fn check(self, listen: SocketAddr, certificate: Option<&Path>) -> Result<String, Unhealthy> {
        let (place, own) = match self.url {
            Some(place) => (place, None),
            None if listen.port() == 0 => return Err(Unhealthy::AnyPort),
            None => (ServiceAddress::reaching(listen).with_tls(certificate.is_some()), certificate),
        };
        let url = place.url();
        if !place.is_tls() && !self.tls.is_empty() {
            return Err(Unhealthy::Plaintext(url));
        }
        let tls = if place.is_tls() { Some(self.tls.open(own)?) } else { None };
        match timeout(self.timeout, ask(&url, tls)).await {
            Err(_) => Err(Unhealthy::Late(url, self.timeout)),
            Ok(answered) => answered.map(|()| url),
        }
    }
}

/// Checks the service at this place, with this TLS if its URL begins with `https`.
///
/// # Errors
/// [`Unhealthy`], with a text that says what to do.
pub async fn check_at(place: &ServiceAddress, tls: Option<ClientTls>) -> Result<(), Unhealthy> {
    let (url, tls) = (place.url(), tls.filter(|_| place.is_tls()));
    timeout(DEFAULT_TIMEOUT, ask(&url, tls)).await.unwrap_or(Err(Unhealthy::Late(url, DEFAULT_TIMEOUT)))
}

async fn ask(url: &str, tls: Option<ClientTls>) -> Result<(), Unhealthy> {
    let channel = channel(url, tls.as_ref()).map_err(|_| Unhealthy::Silent(url.to_owned()))?;
    match HealthClient::new(channel).check(HealthCheckRequest::default()).await {
        Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => Ok(()),
        Ok(_) => Err(Unhealthy::NotServing(url.to_owned())),
        Err(status) => Err(match tls.and_then(|tls| tls.last_fault()) {
            Some(fault) => Unhealthy::Tls(url.to_owned(), fault),
            None => refused(url, &status),
        }),
    }
}

/// Returns a channel to the service.
fn channel(url: &str, tls: Option<&ClientTls>) -> Result<Channel, Box<dyn Error + Send + Sync>> {
    Ok(match tls {
        Some(tls) => tls.channel(url)?,
        None => Endpoint::from_shared(url.to_owned())?.connect_lazy(),
    })
}

/// Maps the status of a check. A stopping service has cleared its names, and may cut the connection.
fn refused(url: &str, status: &Status) -> Unhealthy {
    match status.code() {
        Code::NotFound => Unhealthy::NotServing(url.to_owned()),
        Code::Unavailable | Code::Cancelled => Unhealthy::Silent(url.to_owned()),
        code => Unhealthy::Strange(url.to_owned(), code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: Option<&str>) -> Healthcheck {
        let (url, tls) = (url.map(|url| ServiceAddress::parse(url).unwrap()), ClientTlsFlags::default());
        Healthcheck { url, timeout: Duration::from_secs(3), tls }
    }

    #[tokio::test]
    async fn unknown_port_asks_for_the_url() {
        let why = check(None).run(([127, 0, 0, 1], 0).into(), None).await.unwrap_err().to_string();
        assert!(why.contains("--url http://HOST:PORT"), "{why}");
    }

    #[tokio::test]
    async fn silent_and_absent_services_are_unhealthy() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let brief = Healthcheck { timeout: Duration::from_millis(50), ..check(None) };
        assert!(matches!(brief.run(address, None).await, Err(Unhealthy::Late(..))));
        drop(silent);
        assert!(matches!(
            check(Some(&format!("http://{address}"))).run(address, None).await,
            Err(Unhealthy::Silent(_))
        ));
    }
}
