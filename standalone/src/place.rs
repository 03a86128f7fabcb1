//! Place of a service of the pair, for calls of this process and for grpcurl.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use kit::ServiceAddress;
use kit::tls::ClientTlsFlags;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// Place of a service of the pair.
#[derive(Clone, Debug)]
pub(crate) struct PairPlace {
    /// Address of its listener.
    pub(crate) address: SocketAddr,
    /// File of its certificate, with TLS.
    pub(crate) certificate: Option<PathBuf>,
}

/// Address of a service, and grpcurl's flags to reach it.
pub(crate) struct GrpcurlAccess {
    /// Flags.
    pub(crate) flags: &'static str,
    /// Address.
    pub(crate) address: SocketAddr,
    /// True if the service uses TLS.
    pub(crate) is_tls: bool,
}

impl GrpcurlAccess {
    /// Returns the address with the word `TLS` or `plaintext`.
    pub(crate) fn place(&self) -> String {
        format!("{} ({})", self.address, if self.is_tls { "TLS" } else { "plaintext" })
    }
}

impl PairPlace {
    /// Waits until the service at this place answers or refuses a health check.
    pub(crate) async fn wait_until_answering(&self) {
        let Ok(channel) = self.channel() else { return };
        let _ = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    }

    /// Returns a channel that trusts the service's own certificate.
    fn channel(&self) -> Result<Channel, Box<dyn Error + Send + Sync>> {
        let place = ServiceAddress::reaching(self.address).with_tls(self.certificate.is_some());
        Ok(match &self.certificate {
            Some(own) => ClientTlsFlags::default().open(Some(own))?.channel(&place.url())?,
            None => Endpoint::from_shared(place.url())?.connect_lazy(),
        })
    }

    /// Returns the address, and the flags for grpcurl.
    pub(crate) fn access(&self) -> GrpcurlAccess {
        let is_tls = self.certificate.is_some();
        GrpcurlAccess { flags: if is_tls { "-cacert ca.pem" } else { "-plaintext" }, address: self.address, is_tls }
    }
}
