//! Asks a running service whether it serves: the probe of an image that has no other program.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::time::timeout;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::ServiceAddress;
use crate::config::duration;

/// What a service's program does beside serving.
#[derive(Clone, Debug, Subcommand)]
pub enum HealthcheckCommand {
    /// Ask the running service whether it serves: exit code 0 if it does, 1 with a sentence if not
    Healthcheck(Healthcheck),
}

/// Where is asked, and for how long.
#[derive(Clone, Debug, Args)]
pub struct Healthcheck {
    /// The service's address, http://HOST:PORT; without it, the one that it is told to listen on
    #[arg(long, value_parser = ServiceAddress::parse)]
    pub url: Option<ServiceAddress>,
    /// How long its answer is waited for
    #[arg(long, default_value = "3s", value_parser = duration)]
    pub timeout: Duration,
}

/// Why the service does not count as healthy: each a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// Nobody answers.
    #[error("nothing answers at {0}: start the service, or name its address with --url")]
    Silent(String),
    /// It took too long.
    #[error("{0} has not answered within {1:?}: see the service's log, or allow it more with --timeout")]
    Late(String, Duration),
    /// It says so itself.
    #[error("{0} says that it does not serve: its database does not answer, or it is stopping; see the service's log")]
    NotServing(String),
    /// It does not know the question.
    #[error("{0} does not answer as a service of ours ({1:?}): name the service's address with --url")]
    Strange(String, Code),
    /// The port is not known.
    #[error("the service listens on a port that only itself knows: name its address with --url http://HOST:PORT")]
    AnyPort,
}

impl Healthcheck {
    /// Asks the service that was told to listen on `listen`, and says on standard output when it serves.
    ///
    /// # Errors
    /// [`Unhealthy`], whose text says what to do.
    pub async fn run(self, listen: SocketAddr) -> Result<(), Unhealthy> {
        let place = match self.url {
            Some(place) => place,
            None if listen.port() == 0 => return Err(Unhealthy::AnyPort),
            None => ServiceAddress::reaching(listen),
        };
        let url = place.url();
        match timeout(self.timeout, ask(&url)).await {
            Err(_) => return Err(Unhealthy::Late(url, self.timeout)),
            Ok(Err(failed)) => return Err(failed),
            Ok(Ok(())) => {}
        }
        // That nobody reads it is no failure.
        let _ = writeln!(std::io::stdout(), "{url} serves");
        Ok(())
    }
}

async fn ask(url: &str) -> Result<(), Unhealthy> {
    let silent = || Unhealthy::Silent(url.to_owned());
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|_| silent())?;
    let channel = endpoint.connect().await.map_err(|_| silent())?;
    match HealthClient::new(channel).check(HealthCheckRequest::default()).await {
        Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => Ok(()),
        Ok(_) => Err(Unhealthy::NotServing(url.to_owned())),
        Err(status) => Err(refused(url, &status)),
    }
}

/// A service that stops has cleared its names, and may end the connection in the middle.
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
        Healthcheck { url: url.map(|url| ServiceAddress::parse(url).unwrap()), timeout: Duration::from_secs(3) }
    }

    #[tokio::test]
    async fn a_port_that_is_not_known_is_asked_for() {
        let why = check(None).run(([127, 0, 0, 1], 0).into()).await.unwrap_err().to_string();
        assert!(why.contains("--url http://HOST:PORT"), "{why}");
    }

    #[tokio::test]
    async fn where_nothing_listens_nothing_answers_and_silence_is_not_waited_for() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let brief = Healthcheck { timeout: Duration::from_millis(50), ..check(None) };
        assert!(matches!(brief.run(address).await, Err(Unhealthy::Late(..))));
        drop(silent);
        assert!(matches!(check(Some(&format!("http://{address}"))).run(address).await, Err(Unhealthy::Silent(_))));
    }
}
