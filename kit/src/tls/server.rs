//! TLS of a server: its certificate, its key, and the authorities of its clients.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gatepost::PeerCertificate;
use gatepost::log::LogLimit;
use gatepost::tls::{CertificateFacts, KeyPair, PemFile, Refreshed, TlsFault, TlsFileError, Watched, provider};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::SingleCertAndKey;

use super::transport::Transport;
use crate::handover::folder_of;
use crate::key_access::is_exposed;

/// Protocol of the gRPC port, for ALPN.
const ALPN_H2: &[u8] = b"h2";

/// Protocol of the operations port, for ALPN.
const ALPN_HTTP_1_1: &[u8] = b"http/1.1";

/// Bytes of an answer that TLS buffers for a connection whose peer does not read.
const SEND_BUFFER_BYTES: usize = 16 * 1024;

/// Files of a server's TLS.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Certificate of the server, with its intermediates, in PEM form.
    pub certificate: PathBuf,
    /// Private key of the certificate, in PEM form.
    pub key: PathBuf,
    /// Authorities of client certificates, in PEM form. Without them no certificate is asked for.
    pub client_authorities: Option<PathBuf>,
    /// Required or optional client certificates, if there are authorities.
    pub client_auth: ClientAuth,
    /// Revocation lists of client certificates, in PEM form, if there are authorities.
    pub client_revocations: Option<PathBuf>,
}

/// Required or optional client certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ClientAuth {
    /// Refuse connections without a certificate
    #[default]
    Required,
    /// Accept connections without a certificate, for callers with tokens
    Optional,
}

/// TLS of a server. Clones share the files, which are read again when they change.
#[derive(Clone, Debug)]
pub struct ServerTls(Arc<TlsState>);

#[derive(Debug)]
struct TlsState {
    setup: Watched<ServerSetup>,
    failed: LogLimit,
}

/// Part that follows the files.
#[derive(Debug)]
struct ServerSetup {
    calls: Arc<ServerConfig>,
    operations: Arc<ServerConfig>,
    expire_time: SystemTime,
}

impl ServerTls {
    /// Reads the files. `now` is the time since 1970. Blocks.
    ///
    /// # Errors
    /// Fails if a file cannot be used, the key does not match or is exposed, or the certificate is not valid now.
    pub fn open(files: TlsFiles, now: Duration) -> Result<Self, TlsFileError> {
        let TlsFiles { certificate, key, client_authorities, client_auth, client_revocations } = files;
        let client_revocations = client_revocations.filter(|_| client_authorities.is_some());
        let paths = [certificate, key].into_iter().chain(client_authorities).chain(client_revocations).collect();
        let setup = Watched::open(paths, now, move |files, now| ServerSetup::new(files, client_auth, now))?;
        Ok(Self(Arc::new(TlsState { setup, failed: LogLimit::new() })))
    }

    /// Reads the files again if they have changed. New connections then use them, and open ones go on. Blocks.
    pub fn refresh(&self, now: Duration) {
        match self.0.setup.refresh(now) {
            Refreshed::Unchanged => {}
            Refreshed::Renewed => tracing::info!("TLS files of the server renewed"),
            Refreshed::Kept(error) => tracing::warn!(%error, "new TLS files refused: the server keeps the last ones"),
        }
    }

    /// Returns the end of the certificate's validity.
    pub fn expire_time(&self) -> SystemTime {
        self.0.setup.current().expire_time
    }

    /// Returns the number of failed handshakes.
    pub fn failed_handshakes(&self) -> u64 {
        self.0.failed.count()
    }

    /// Waits for the handshake of a connection to the gRPC port. Returns the client's certificate, if it has one.
    ///
    /// # Errors
    /// Fails if the client breaks the protocol or takes longer than `limit`.
    pub async fn accept(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        limit: Duration,
    ) -> io::Result<(Transport, Option<PeerCertificate>)> {
        let config = Arc::clone(&self.0.setup.current().calls);
        self.handshake(config, stream, peer, limit).await
    }

    /// Waits for the handshake of a connection to the operations port. Probes have no certificate, so none is asked for.
    ///
    /// # Errors
    /// Fails as [`accept`](Self::accept) does.
    pub async fn accept_operations(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        limit: Duration,
    ) -> io::Result<Transport> {
        let config = Arc::clone(&self.0.setup.current().operations);
        Ok(self.handshake(config, stream, peer, limit).await?.0)
    }

    async fn handshake(
        &self,
        config: Arc<ServerConfig>,
        stream: TcpStream,
        peer: SocketAddr,
        limit: Duration,
    ) -> io::Result<(Transport, Option<PeerCertificate>)> {
        let handshake = TlsAcceptor::from(config).accept_with(stream, |connection| {
            connection.set_buffer_limit(Some(SEND_BUFFER_BYTES));
        });
        match timeout(limit, handshake).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
                let facts = certificate.and_then(|first| CertificateFacts::read(first));
                Ok((Transport::Tls(Box::new(stream)), facts.map(CertificateFacts::into_peer)))
            }
            Err(error) => {
                // A probe of the port sends nothing, and is no fault.
                if error.kind() == io::ErrorKind::UnexpectedEof {
                    tracing::debug!(%peer, "a connection has ended before its TLS handshake");
                } else if let Some(line) = self.0.failed.allow() {
                    tracing::info!(%peer, %error, left_out = line.left_out(), "TLS handshake failed");
                }
                Err(error)
            }
        }
    }
}

impl ServerSetup {
    fn new(files: &[PemFile], client_auth: ClientAuth, now: Duration) -> Result<Self, TlsFileError> {
        let [certificate, key, clients @ ..] = files else {
            return Err(TlsFileError::new(Path::new(""), TlsFault::NoCertificate));
        };
        let pair = KeyPair::read(certificate, key, now)?;
        check_access(key.path())?;
        let config = |verifier: Arc<dyn ClientCertVerifier>, protocol: &[u8]| {
            let versions = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
            // The provider has suites of both versions.
            let builder = versions.map_err(|_| TlsFileError::new(key.path(), TlsFault::UnusableKey))?;
            let offers_auth = verifier.offer_client_auth();
            let resolver = Arc::new(SingleCertAndKey::from(Arc::clone(&pair.certified)));
            let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(resolver);
            config.alpn_protocols = vec![protocol.to_vec()];
            if offers_auth {
                // A resumed session would not verify the client's certificate again.
                config.session_storage = Arc::new(NoServerSessionStorage {});
                config.send_tls13_tickets = 0;
            }
            Ok::<_, TlsFileError>(Arc::new(config))
        };
        let verifier = clients
            .split_first()
            .map(|(authorities, revocations)| verifier(authorities, revocations.first(), client_auth));
        let verifier = verifier.transpose()?;
        Ok(Self {
            calls: config(verifier.unwrap_or_else(WebPkiClientVerifier::no_client_auth), ALPN_H2)?,
            operations: config(WebPkiClientVerifier::no_client_auth(), ALPN_HTTP_1_1)?,
            expire_time: pair.expire_time,
        })
    }
}

/// Returns the verifier of client certificates of these authorities. With revocation lists, a certificate is refused if
/// its authority has no list.
fn verifier(
    authorities: &PemFile,
    revocations: Option<&PemFile>,
    client_auth: ClientAuth,
) -> Result<Arc<dyn ClientCertVerifier>, TlsFileError> {
    let mut builder = WebPkiClientVerifier::builder_with_provider(authorities.authorities()?, provider());
    if let Some(file) = revocations {
        builder = builder.with_crls(file.revocation_lists()?).only_check_end_entity_revocation();
    }
    let builder = match client_auth {
        ClientAuth::Required => builder,
        ClientAuth::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|error| match (error, revocations) {
        (VerifierBuilderError::InvalidCrl(_), Some(file)) => {
            TlsFileError::new(file.path(), TlsFault::BrokenRevocationList)
        }
        _ => TlsFileError::new(authorities.path(), TlsFault::BrokenCertificate),
    })
}

/// Fails if other users can read a private key.
///
/// # Errors
/// Fails also if the file has gone.
pub(super) fn check_access(key: &Path) -> Result<(), TlsFileError> {
    let exposed = fs::metadata(key).and_then(|file| is_exposed(&file, folder_of(key)));
    match exposed {
        Ok(false) => Ok(()),
        Ok(true) => Err(TlsFileError::new(key, TlsFault::Exposed)),
        Err(error) => Err(TlsFileError::new(key, TlsFault::Unreadable(error.kind()))),
    }
}
