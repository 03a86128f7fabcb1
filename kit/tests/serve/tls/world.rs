//! Server with TLS, its files, and clients of it.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::{ListSigningKeysRequest, VerifyTokenRequest};
use gatepost::tls::{ClientTls, ClientTlsBuilder};
use kit::serve::ServerLimits;
use kit::tls::{ClientAuth, ServerTls, TlsFiles};
use tempfile::TempDir;
use testkit::tls::{Authority, CertificateFiles};
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::super::support::{TestServer, start_with_tls};

/// Name in the client certificate that identifies a service to the server.
pub(super) const SERVICE_ID: &str = "spiffe://example.org/blog";

/// Authority with a server's certificate, in files.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) authority: Authority,
    /// File of the authority.
    pub(super) ca: PathBuf,
    pub(super) server: CertificateFiles,
}

/// Returns the time since 1970.
#[expect(clippy::disallowed_methods, reason = "the certificates are made for the real time")]
pub(super) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

impl World {
    /// Creates an authority, and a certificate for `localhost` and 127.0.0.1.
    pub(super) fn new() -> Self {
        let (folder, authority) = (testkit::folder(), Authority::new("authority"));
        let ca = authority.write(folder.path(), "ca");
        let server = authority.issue(&["localhost", "127.0.0.1"]).write(folder.path(), "server");
        Self { folder, authority, ca, server }
    }

    /// Returns the server's files. With `client_auth`, its own authority issues client certificates.
    pub(super) fn files(&self, client_auth: Option<ClientAuth>) -> TlsFiles {
        TlsFiles {
            certificate: self.server.certificate.clone(),
            key: self.server.key.clone(),
            client_authorities: client_auth.map(|_| self.ca.clone()),
            client_auth: client_auth.unwrap_or_default(),
            client_revocations: None,
        }
    }

    pub(super) fn tls(&self, client_auth: Option<ClientAuth>) -> ServerTls {
        ServerTls::open(self.files(client_auth), now()).unwrap()
    }

    /// Starts a server.
    pub(super) async fn start(&self, client_auth: Option<ClientAuth>) -> TestServer {
        start_with_tls(ServerLimits::default(), self.tls(client_auth)).await
    }

    /// Returns a client's builder that trusts the authority.
    pub(super) fn client(&self) -> ClientTlsBuilder {
        ClientTls::builder().authorities(&self.ca)
    }

    /// Returns a client's builder with a new certificate of these names.
    pub(super) fn client_named(&self, names: &[&str]) -> ClientTlsBuilder {
        let files = self.authority.issue(names).write(self.folder.path(), "client");
        self.client().certificate(files.certificate, files.key)
    }
}

/// Returns a channel that connects at its first call.
pub(super) fn channel(server: &TestServer, tls: ClientTlsBuilder) -> Channel {
    tls.build().unwrap().channel(&format!("https://127.0.0.1:{}", server.address.port())).unwrap()
}

/// Calls a public method.
pub(super) async fn ask(channel: &Channel) -> Result<(), Status> {
    TokenServiceClient::new(channel.clone()).verify_token(VerifyTokenRequest::default()).await.map(drop)
}

/// Calls a method that only services may call, with this metadata.
pub(super) async fn call_as_service(channel: &Channel, metadata: &[(&'static str, &str)]) -> Result<(), Status> {
    let mut request = Request::new(ListSigningKeysRequest {});
    for (name, value) in metadata {
        request.metadata_mut().insert(*name, value.parse().unwrap());
    }
    TokenServiceClient::new(channel.clone()).list_signing_keys(request).await.map(drop)
}

/// Returns the texts of an error and of all its causes.
pub(super) fn causes(status: &Status) -> String {
    let causes = std::iter::successors(Some(status as &dyn std::error::Error), |&cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
