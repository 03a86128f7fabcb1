//! Opens the client of a service: its address, TLS and credential.

use std::error::Error;
use std::time::Duration;

use gatepost::Token;
use gatepost::tls::ClientTls;
use kit::cli::{CommandFailure, FailureKind};
use kit::config::{ConfigError, Environment};
use kit::tls::ClientTlsFlags;
use kit::{Clock, ServiceAddress};
use secrecy::{ExposeSecret as _, SecretString};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::bearer::{Bearer, LoginBearer};
use super::client::Client;
use super::connection::{ServiceFlags, TOKEN};
use super::credentials::{CredentialFolder, Credentials, StoredTls};
use super::refusal::call_failure;

/// Time after which a silent peer of an open connection counts as gone.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connection to a service.
pub(super) struct ServiceConnection {
    pub(super) url: String,
    pub(super) channel: Channel,
    pub(super) tls: Option<ClientTls>,
}

impl ServiceConnection {
    /// Opens a connection to the service at this address, at the first call.
    pub(super) fn open(place: &ServiceAddress, tls: &ClientTlsFlags) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let url = place.url();
        let tls = if place.is_tls() { Some(tls.open(None)?) } else { None };
        let patient = |endpoint: Endpoint| {
            let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT).http2_keep_alive_interval(KEEP_ALIVE);
            endpoint.keep_alive_timeout(KEEP_ALIVE).user_agent(concat!("gatepost/", env!("CARGO_PKG_VERSION")))
        };
        let endpoint = || Endpoint::from_shared(url.clone());
        let channel = match &tls {
            Some(tls) => tls.channel_with(&url, |endpoint| patient(endpoint.clone()).unwrap_or(endpoint))?,
            None => patient(endpoint()?)?.connect_lazy(),
        };
        Ok(Self { url, channel, tls })
    }

    /// Returns the failure of a call.
    pub(super) fn failure(&self, status: &Status) -> CommandFailure {
        call_failure(status, &self.url, self.tls.as_ref())
    }
}

/// Opens a connection without a credential, with the TLS flags of a stored login if there are no others.
///
/// # Errors
/// Fails if no service is named; the error lists the ways to name one.
pub(super) fn connect(
    flags: ServiceFlags,
    environment: Environment,
) -> Result<ServiceConnection, Box<dyn Error + Send + Sync>> {
    let credentials = match (CredentialFolder::locate(environment), &flags.url) {
        (Ok(folder), _) => folder.read()?,
        // A script needs no home folder.
        (Err(_), Some(_)) => Credentials::default(),
        (Err(error), None) => return Err(error.into()),
    };
    connect_as(flags, &credentials)
}

fn connect_as(
    flags: ServiceFlags,
    credentials: &Credentials,
) -> Result<ServiceConnection, Box<dyn Error + Send + Sync>> {
    let known = || credentials.default.as_deref().and_then(|url| ServiceAddress::parse(url).ok());
    let place = flags.url.clone().or_else(known).ok_or_else(|| CommandFailure::usage(NO_PLACE))?;
    flags.check_plaintext(&place)?;
    let stored = || credentials.logins.get(&place.url()).map(|login| login.tls.flags());
    let tls = if flags.tls.is_empty() { stored().unwrap_or_default() } else { flags.tls };
    ServiceConnection::open(&place, &tls)
}

/// Opens the client of a service, with the token of the environment, or else with the stored login.
///
/// # Errors
/// Fails if no service is named, or without a login there; the error says what to do.
pub(crate) fn open_service(
    flags: ServiceFlags,
    environment: Environment,
) -> Result<Client, Box<dyn Error + Send + Sync>> {
    match (environment.secret(TOKEN)?, flags.url.clone()) {
        // A script needs no home folder.
        (Some(token), Some(place)) => {
            flags.check_plaintext(&place)?;
            let ServiceConnection { url, channel, tls } = ServiceConnection::open(&place, &flags.tls)?;
            Ok(Client::remote(url, channel, tls, given_bearer(&token)?))
        }
        // The service of the latest login may be another one than the token's.
        (Some(_), None) => Err(CommandFailure::usage(format!("{TOKEN} needs --auth-url (GATEPOST_AUTH_URL)")).into()),
        (None, _) => open_as(flags, CredentialFolder::locate(environment)?),
    }
}

fn given_bearer(token: &SecretString) -> Result<Bearer, ConfigError> {
    let token = Token::parse(token.expose_secret());
    token.map(Bearer::Given).map_err(|_| ConfigError::setting(TOKEN, "is not a token: it must be visible ASCII"))
}

/// Opens the client of a service with the stored login.
///
/// # Errors
/// Fails as [`open_service`] does.
pub(super) fn open_as(flags: ServiceFlags, folder: CredentialFolder) -> Result<Client, Box<dyn Error + Send + Sync>> {
    let credentials = folder.read()?;
    let ServiceConnection { url, channel, tls } = connect_as(flags, &credentials)?;
    if !credentials.logins.contains_key(&url) {
        let text = format!("you are not logged in at {url}: run `login --auth-url {url}`, or set {TOKEN}");
        return Err(CommandFailure::new(FailureKind::Unauthenticated, text).into());
    }
    let login = LoginBearer { folder, url: url.clone(), channel: channel.clone(), clock: Clock::system() };
    Ok(Client::remote(url, channel, tls, Bearer::Login(login)))
}

const NO_PLACE: &str = "no service and no database is named: write --auth-url URL (after `login --auth-url URL` it is \
     remembered), or, while no service runs, --database-url URL or --data-dir DIR";

impl StoredTls {
    /// Returns the flags with absolute paths, so that a later command finds the files from any folder.
    pub(super) fn new(flags: &ClientTlsFlags) -> Self {
        let absolute = |path: &Option<std::path::PathBuf>| {
            path.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()))
        };
        Self {
            ca: absolute(&flags.ca),
            client_cert: absolute(&flags.client_cert),
            client_key: absolute(&flags.client_key),
            server_name: flags.server_name.clone(),
        }
    }

    fn flags(&self) -> ClientTlsFlags {
        let Self { ca, client_cert, client_key, server_name } = self.clone();
        ClientTlsFlags { ca, client_cert, client_key, server_name }
    }
}
