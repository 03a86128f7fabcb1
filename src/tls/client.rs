//! TLS of a client: its authorities, its certificate and the server's name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tokio_rustls::rustls::time_provider::{DefaultTimeProvider, TimeProvider as _};
use tokio_rustls::rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use super::pair::KeyPair;
use super::pem::PemFile;
use super::pinned::PinnedVerifier;
use super::watched::{Refreshed, Watched};
use super::{TlsFileError, provider};

/// The protocol of gRPC, for ALPN.
const ALPN_H2: &[u8] = b"h2";

/// TLS settings of a client, for TLS 1.2 and 1.3, from PEM files.
///
/// The files are read again at each new connection. If they have changed, the connection uses the new ones. If the new
/// files cannot be used, the client keeps the last ones and logs a warning.
///
/// ```no_run
/// # fn auth() -> Result<gatepost::AuthService, Box<dyn std::error::Error>> {
/// use gatepost::AuthService;
/// use gatepost::tls::ClientTls;
///
/// let tls = ClientTls::builder().authorities("ca.pem").certificate("blog.pem", "blog.key").build()?;
/// let auth = AuthService::builder("https://auth.example.org:50051").tls(tls).build()?;
/// # Ok(auth)
/// # }
/// ```
#[derive(Clone)]
pub struct ClientTls(Arc<ClientState>);

struct ClientState {
    setup: Watched<ClientSetup>,
    server_name: Option<ServerName<'static>>,
    fault: Mutex<Option<String>>,
}

/// The settings that are built again when the files change.
struct ClientSetup {
    config: Arc<ClientConfig>,
    /// End of the client certificate's validity.
    expire_time: Option<SystemTime>,
}

/// A builder of [`ClientTls`].
#[derive(Clone, Debug, Default)]
#[must_use = "build() makes the ClientTls"]
pub struct ClientTlsBuilder {
    trust: Trust,
    certificate: Option<(PathBuf, PathBuf)>,
    server_name: Option<String>,
}

/// The servers that a client trusts.
#[derive(Clone, Debug, Default)]
enum Trust {
    /// Servers with a certificate of a public authority.
    #[default]
    Public,
    /// Servers with a certificate of an authority in this file.
    Authorities(PathBuf),
    /// The one server that presents the first certificate of this file.
    Certificate(PathBuf),
}

/// The error of [`ClientTlsBuilder::build`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientTlsError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] TlsFileError),
    /// The server's name is malformed.
    #[error("the server's name {0:?} is malformed: write a DNS name or an IP address, without a port")]
    ServerName(String),
    /// The TLS library rejects its default protocol versions.
    #[error("TLS cannot be used: {0}")]
    Library(String),
}

impl ClientTls {
    /// Returns a builder. By default the public authorities are trusted, there is no client certificate, and the
    /// server's name is the host of the URL.
    pub fn builder() -> ClientTlsBuilder {
        ClientTlsBuilder::default()
    }

    /// Reads the files again if they have changed, as each new connection does. Blocks.
    pub fn refresh(&self) {
        match self.0.setup.refresh(now()) {
            Refreshed::Unchanged => {}
            Refreshed::Renewed => tracing::info!("TLS files of the client renewed"),
            Refreshed::Kept(error) => tracing::warn!(%error, "new TLS files refused: the client keeps the last ones"),
        }
    }

    /// Returns the end of the client certificate's validity; `None` without a client certificate.
    pub fn expire_time(&self) -> Option<SystemTime> {
        self.0.setup.current().expire_time
    }

    /// Returns the fault of TLS that ended the newest connection; `None` if the server has answered since.
    ///
    /// The fault may be missing in the status of a call: the transport drops calls that wait for a connection, without
    /// a cause.
    pub fn last_fault(&self) -> Option<String> {
        self.0.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the fault of the newest connection.
    pub(super) fn note_fault(&self, fault: Option<String>) {
        *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Returns the settings of new connections.
    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0.setup.current().config)
    }

    /// Returns the name that the server's certificate must have, for a URL with this host.
    ///
    /// # Errors
    /// Fails for a malformed host.
    pub(crate) fn server_name(&self, host: &str) -> Result<ServerName<'static>, ClientTlsError> {
        self.0.server_name.clone().map_or_else(|| parse_name(host), Ok)
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("server_name", &self.0.server_name).finish_non_exhaustive()
    }
}

impl ClientTlsBuilder {
    /// Trusts the authorities in this file and no others. The file holds one or more certificates in PEM form.
    pub fn authorities(self, path: impl AsRef<Path>) -> Self {
        Self { trust: Trust::Authorities(path.as_ref().to_owned()), ..self }
    }

    /// Trusts only the server that presents the first certificate of this file, under any name. Services check their
    /// own health this way.
    pub fn server_certificate(self, path: impl AsRef<Path>) -> Self {
        Self { trust: Trust::Certificate(path.as_ref().to_owned()), ..self }
    }

    /// Presents this certificate, with its intermediates, and signs with this private key. Both files are PEM.
    pub fn certificate(self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        Self { certificate: Some((certificate.as_ref().to_owned(), key.as_ref().to_owned())), ..self }
    }

    /// Sets the DNS name or IP address that the server's certificate must have.
    pub fn server_name(self, name: impl Into<String>) -> Self {
        Self { server_name: Some(name.into()), ..self }
    }

    /// Reads the files. Blocks.
    ///
    /// # Errors
    /// Fails if a file cannot be used, the key does not match the certificate, or the certificate is not valid now.
    pub fn build(self) -> Result<ClientTls, ClientTlsError> {
        let Self { trust, certificate, server_name } = self;
        let server_name = server_name.map(|name| parse_name(&name)).transpose()?;
        let versions = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let base = versions.map_err(|error| ClientTlsError::Library(error.to_string()))?;
        let has_certificate = certificate.is_some();
        let trusted = match &trust {
            Trust::Public => None,
            Trust::Authorities(path) | Trust::Certificate(path) => Some(path.clone()),
        };
        let paths = certificate.into_iter().flat_map(|(certificate, key)| [certificate, key]).chain(trusted).collect();
        let build = move |files: &[PemFile], now| {
            let (pair, trusted) = files.split_at(if has_certificate { 2 } else { 0 });
            ClientSetup::new(base.clone(), &trust, trusted.first(), pair, now)
        };
        let setup = Watched::open(paths, now(), build)?;
        Ok(ClientTls(Arc::new(ClientState { setup, server_name, fault: Mutex::default() })))
    }
}

impl ClientSetup {
    fn new(
        base: ConfigBuilder<ClientConfig, WantsVerifier>,
        trust: &Trust,
        trusted: Option<&PemFile>,
        pair: &[PemFile],
        now: Duration,
    ) -> Result<Self, TlsFileError> {
        let base = match (trust, trusted) {
            (Trust::Certificate(_), Some(file)) => {
                let verifier = PinnedVerifier::new(file.certificates()?.swap_remove(0), provider());
                base.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
            (_, Some(file)) => base.with_root_certificates(file.authorities()?),
            (_, None) => {
                let roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
                base.with_root_certificates(roots)
            }
        };
        let (mut config, expire_time) = match pair {
            [certificate, key] => {
                let pair = KeyPair::read(certificate, key, now)?;
                let resolver = Arc::new(SingleCertAndKey::from(pair.certified));
                (base.with_client_cert_resolver(resolver), Some(pair.expire_time))
            }
            _ => (base.with_no_client_auth(), None),
        };
        config.alpn_protocols = vec![ALPN_H2.to_vec()];
        Ok(Self { config: Arc::new(config), expire_time })
    }
}

fn parse_name(name: &str) -> Result<ServerName<'static>, ClientTlsError> {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    ServerName::try_from(bare.to_owned()).map_err(|_| ClientTlsError::ServerName(name.to_owned()))
}

/// Returns the time since 1970 by the clock that rustls uses for certificates.
fn now() -> Duration {
    Duration::from_secs(DefaultTimeProvider.current_time().map_or(0, |time| time.as_secs()))
}
