//! Guessing: a burst of wrong passwords for one account, then a flood of logins from twenty addresses. Meanwhile a good
//! caller logs in.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, LoginRequest};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::Code;
use tonic::transport::Channel;

use super::super::DRILL_PASSWORD;
use crate::Failure;
use crate::services::Services;

/// Addresses that flood the queue of logins.
const FLOOD_ADDRESSES: u8 = 20;
/// Concurrent logins from each flooding address.
const LOGINS_PER_ADDRESS: usize = 16;

/// Guesses at one account that are sent at once.
const GUESS_BURST: usize = 100;

const GOOD_EMAIL: &str = "good@example.com";

/// Logins of the good caller, by their outcome.
#[derive(Default)]
struct GoodLogins {
    times: Vec<Duration>,
    refused: usize,
}

/// Runs the scenario for this long, and returns a line for each figure.
///
/// # Errors
/// Fails if the scenario itself cannot continue.
pub async fn run(program: &Path, length: Duration) -> Result<Vec<String>, Failure> {
    let folder = tempfile::tempdir()?;
    let pair = Services::pair(program, folder.path(), |command| {
        command.env("AUTH_USER_SESSIONS", "0").env("AUTH_ADDRESS_LOGINS_PER_MINUTE", "0")
    })
    .await?;
    register(&pair, GOOD_EMAIL).await?;
    for number in 0..FLOOD_ADDRESSES {
        register(&pair, &email(number)).await?;
    }
    let checked = burst(&pair).await?;
    let quiet = logins(&pair, Instant::now() + length / 4).await?;
    let end = Instant::now() + length;
    let mut flood = JoinSet::new();
    for number in 0..FLOOD_ADDRESSES {
        let channel = pair.connection_from(address(10 + number))?;
        for _ in 0..LOGINS_PER_ADDRESS {
            flood.spawn(flood_until(end, channel.clone(), email(number)));
        }
    }
    let loud = logins(&pair, end).await?;
    let attackers: usize = flood.join_all().await.into_iter().sum();
    pair.stop()?;
    Ok(vec![
        format!("passwords checked of {GUESS_BURST} guesses sent at once for one account: {checked}"),
        format!("logins of {FLOOD_ADDRESSES} flooding addresses: {attackers}"),
        quiet.line("good logins before"),
        loud.line("good logins under the flood"),
    ])
}

fn email(number: u8) -> String {
    format!("attacker{number}@example.com")
}

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

async fn register(pair: &Services, email: &str) -> Result<(), Failure> {
    let (name, email, password) = ("Ada".to_owned(), email.to_owned(), DRILL_PASSWORD.to_owned());
    let request = CreateUserRequest { name, email, password, ..CreateUserRequest::default() };
    UserServiceClient::new(pair.auth.clone()).create_user(request).await?;
    Ok(())
}

async fn login(channel: Channel, email: String, password: &str) -> Result<(), Code> {
    let request = LoginRequest { email, password: password.to_owned(), ..LoginRequest::default() };
    AuthServiceClient::new(channel).login(request).await.map(drop).map_err(|status| status.code())
}

/// Sends a burst of wrong passwords. Returns the number of passwords that the service checked.
async fn burst(pair: &Services) -> Result<usize, Failure> {
    let channel = pair.connection_from(address(9))?;
    let mut guesses = JoinSet::new();
    for _ in 0..GUESS_BURST {
        let channel = channel.clone();
        guesses.spawn(login(channel, "victim@example.com".to_owned(), "a wrong password"));
    }
    let answers = guesses.join_all().await;
    Ok(answers.into_iter().filter(|answer| *answer == Err(Code::Unauthenticated)).count())
}

async fn flood_until(end: Instant, channel: Channel, email: String) -> usize {
    let mut count = 0;
    while Instant::now() < end {
        count += usize::from(login(channel.clone(), email.clone(), DRILL_PASSWORD).await.is_ok());
    }
    count
}

/// Logs the good caller in again and again until `end`.
async fn logins(pair: &Services, end: Instant) -> Result<GoodLogins, Failure> {
    let channel = pair.connection_from(address(200))?;
    let mut logins = GoodLogins::default();
    while Instant::now() < end {
        let began = Instant::now();
        match login(channel.clone(), GOOD_EMAIL.to_owned(), DRILL_PASSWORD).await {
            Ok(()) => logins.times.push(began.elapsed()),
            Err(_) => logins.refused += 1,
        }
    }
    Ok(logins)
}

impl GoodLogins {
    fn line(mut self, what: &str) -> String {
        self.times.sort_unstable();
        let (good, all) = (self.times.len(), self.times.len() + self.refused);
        let last = self.times.get((good * 99 / 100).min(good.saturating_sub(1)));
        let last = last.map_or_else(|| "none".to_owned(), |time| format!("{} ms", time.as_millis()));
        format!("{what}: {good} of {all} succeed ({} %), p99 {last}", good * 100 / all.max(1))
    }
}
