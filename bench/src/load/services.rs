//! The measured services: started for the run, or running already.

use std::path::Path;
use std::sync::Arc;

use gatepost::Token;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::{TokenState, VerifyTokenRequest, VerifyTokenResponse};
use http::Uri;
use tonic::transport::Channel;

use super::echo::EchoProcess;
use super::kind::LoadServer;
use super::own::{Launch, OwnPair, Reads};
use super::posts::{self, PostIds};
use super::{Account, LoadSettings, LoadTarget, MeasuredCall};
use crate::Failure;
use crate::services::channels;

/// The services, the user's token, and the posts.
pub(super) struct ServicesUnderLoad {
    /// Set for services that were started for the run.
    own: Option<OwnPair>,
    public: Option<OwnPair>,
    echo: Option<EchoProcess>,
    /// Addresses of the auth and the blog service, as `HOST:PORT`.
    addresses: [String; 2],
    pub(super) accounts: Vec<Account>,
    pub(super) token: Token,
    pub(super) ids: Arc<PostIds>,
    pub(super) public_ids: Arc<PostIds>,
}

impl ServicesUnderLoad {
    /// Starts the servers for these calls.
    pub(super) async fn start(
        launch: Launch<'_>,
        folder: &Path,
        kinds: &[MeasuredCall],
        settings: &LoadSettings,
    ) -> Result<Self, Failure> {
        let needs = |server| kinds.iter().any(|kind| kind.server() == server);
        let own = OwnPair::start(launch, &folder.join("pair"), Reads::Guarded, settings).await?;
        let public = if needs(LoadServer::PublicBlog) {
            Some(OwnPair::start(launch, &folder.join("public"), Reads::Public, settings).await?)
        } else {
            None
        };
        let token = own.accounts.first().ok_or("no user")?.access_token().await?;
        let echo = if needs(LoadServer::Echo) { Some(start_echo(&own.pair.auth, &token, folder).await?) } else { None };
        let ids = Arc::new(PostIds::new(own.ids.clone(), settings.seed)?);
        let public_ids = public
            .as_ref()
            .map_or(Ok(Arc::clone(&ids)), |pair| PostIds::new(pair.ids.clone(), settings.seed).map(Arc::new))?;
        let addresses = [own.pair.auth_address(), own.pair.blog_address()].map(str::to_owned);
        let accounts = own.accounts.clone();
        Ok(Self { own: Some(own), public, echo, addresses, accounts, token, ids, public_ids })
    }

    /// Logs in at running services, and lists their posts.
    pub(super) async fn connect(
        target: &LoadTarget,
        password: Option<&str>,
        folder: &Path,
        kinds: &[MeasuredCall],
        settings: &LoadSettings,
    ) -> Result<Self, Failure> {
        let (LoadTarget { auth: Some(auth), blog: Some(blog), .. }, Some(email)) = (target, &target.email) else {
            return Err("--auth, --blog and --email belong together".into());
        };
        let addresses = [address(auth, target.allow_remote)?, address(blog, target.allow_remote)?];
        let password =
            password.ok_or("no password: set BENCH_PASSWORD, or BENCH_PASSWORD_FILE to a file that holds it")?;
        let auth = channels(&addresses[0], settings.connections).await?;
        let accounts = Account::log_in(&auth, email, password, settings.users).await?;
        let token = accounts.first().ok_or("no session")?.access_token().await?;
        let ids = if kinds.iter().any(|kind| kind.reads_posts()) {
            let blog = channels(&addresses[1], 1).await?;
            let [blog] = blog.as_slice() else { return Err("no connection".into()) };
            posts::newest_posts(&posts::post_caller(blog, &token), settings.posts).await?
        } else {
            // No call draws one.
            vec![String::new()]
        };
        let ids = Arc::new(PostIds::new(ids, settings.seed)?);
        let echo =
            if kinds.contains(&MeasuredCall::Echo) { Some(start_echo(&auth[0], &token, folder).await?) } else { None };
        let public_ids = Arc::clone(&ids);
        Ok(Self { own: None, public: None, echo, addresses, accounts, token, ids, public_ids })
    }

    /// Returns the address of a server, as `HOST:PORT`. Running services have one blog for all reads.
    pub(super) fn address(&self, server: LoadServer) -> Result<&str, Failure> {
        let [auth, blog] = &self.addresses;
        Ok(match server {
            LoadServer::Auth => auth,
            LoadServer::Blog => blog,
            LoadServer::PublicBlog => self.public.as_ref().map_or(blog, |public| public.pair.blog_address()),
            LoadServer::Echo => self.echo.as_ref().ok_or("no echo server")?.address(),
        })
    }

    /// Returns the processor time of a server in seconds; `None` for running services.
    pub(super) fn processor_time(&self, server: LoadServer) -> Result<Option<f64>, Failure> {
        match server {
            LoadServer::Echo => self.echo.as_ref().map(|echo| echo.process().processor_time()).transpose(),
            LoadServer::PublicBlog => self.public.as_ref().map(|public| public.pair.processor_time()).transpose(),
            LoadServer::Auth | LoadServer::Blog => self.own.as_ref().map(|own| own.pair.processor_time()).transpose(),
        }
    }

    /// Returns the instructions of a server since the last count. The services of a pair are one process.
    ///
    /// # Errors
    /// Fails if Callgrind does not run the server.
    pub(super) fn count_instructions(&mut self, server: LoadServer) -> Result<u64, Failure> {
        let pair = match server {
            LoadServer::Auth | LoadServer::Blog => self.own.as_mut(),
            LoadServer::PublicBlog => self.public.as_mut(),
            LoadServer::Echo => None,
        };
        pair.and_then(|pair| pair.callgrind.as_mut()).ok_or("the server is not run by Callgrind")?.count()
    }

    /// Stops the own services, or ends the sessions at running ones.
    pub(super) async fn end(self) -> Result<(), Failure> {
        if self.own.is_none() {
            for account in self.accounts {
                account.log_out().await?;
            }
        }
        [self.own, self.public].into_iter().flatten().try_for_each(|own| own.pair.stop())
    }
}

/// Starts a server with the answer that the auth service gives about this token.
async fn start_echo(auth: &Channel, token: &Token, folder: &Path) -> Result<EchoProcess, Failure> {
    let request = VerifyTokenRequest { token: token.expose().to_owned() };
    let response = TokenServiceClient::new(auth.clone()).verify_token(request).await?.into_inner();
    if response.state() != TokenState::Active {
        return Err("the auth service does not accept its own token".into());
    }
    let response: VerifyTokenResponse = response;
    EchoProcess::start(folder, &response)
}

/// Returns the address of a URL, as `HOST:PORT`.
fn address(url: &Uri, allow_remote: bool) -> Result<String, Failure> {
    if url.scheme_str() != Some("http") {
        return Err(format!("{url}: must start with http://, TLS is not measured").into());
    }
    let (Some(host), Some(port)) = (url.host(), url.port_u16()) else {
        return Err(format!("{url}: must have a host and a port, for example http://127.0.0.1:50051").into());
    };
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    if !allow_remote && host != "localhost" && !ip.is_ok_and(|ip| ip.is_loopback()) {
        return Err(format!("{url}: is not on this machine's loopback; --allow-remote allows the load on it").into());
    }
    Ok(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_measured_without_a_flag() {
        let check = |url: &str, allow_remote| address(&url.parse().unwrap(), allow_remote).map_err(|e| e.to_string());
        for good in ["http://127.0.0.1:50051", "http://127.9.9.9:1", "http://localhost:50051", "http://[::1]:50051"] {
            assert_eq!(check(good, false).as_deref(), Ok(&good[7..]));
        }
        for far in ["http://192.0.2.1:50051", "http://example.com:50051", "http://127.0.0.1.example.com:1"] {
            assert!(check(far, false).unwrap_err().ends_with("--allow-remote allows the load on it"));
            assert_eq!(check(far, true).as_deref(), Ok(&far[7..]));
        }
        for bad in ["https://127.0.0.1:1", "http://127.0.0.1", "127.0.0.1:1"] {
            assert!(check(bad, true).is_err(), "{bad}");
        }
    }
}
