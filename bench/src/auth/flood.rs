//! A flood of logins, ten times as many as the service can hash, and the effect on other calls.

use std::time::Duration;

use bench::Failure;
use bench::services::Services;
use gatepost::api::auth::v1::LoginRequest;
use gatepost::api::auth::v1::VerifyTokenRequest;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::shared::{USER_EMAIL, USER_PASSWORD, median, row};
use bench::load::millis;

/// Number of parts without and with the flood, and the length of each part.
const FLOOD_ROUNDS: usize = 3;
const FLOOD_ROUND_TIME: Duration = Duration::from_secs(10);

/// Number of connections of the flood. One connection has only a hundred streams, so more calls would wait at the client.
const FLOOD_CONNECTIONS: usize = 16;

/// Calls of `VerifyToken` a second, in both kinds of parts: far below the service's capacity.
const PROBES_PER_SECOND: u64 = 500;

/// Interval between reads of the process's memory. Each read costs the process some time.
const MEMORY_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Size in KiB of a hash buffer's mapping: the hasher reserves 33 MiB and uses 19 MiB.
const HASH_BUFFER_KIB: u64 = 33 * 1024;

/// Logins by outcome.
struct FloodLogins {
    begun: u64,
    /// Times of refusals, in microseconds.
    refused: Histogram<u64>,
    without_delay: u64,
    other: u64,
}

#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub(super) async fn run(pair: &Services, token: &str, capacity: f64) -> Result<(), Failure> {
    // The hashing threads free buffers that they have not used for a while.
    sleep(Duration::from_secs(7)).await;
    let before = Memory::of(pair)?;
    let every = Duration::from_secs_f64(1.0 / (capacity * 10.0));
    let (mut quiet, mut probed) = (Vec::new(), Vec::new());
    let (mut logins, mut memory) = (FloodLogins::none()?, before);
    for _ in 0..FLOOD_ROUNDS {
        let users = pair.connections(FLOOD_CONNECTIONS).await?;
        quiet.push(millis(&probe(&pair.auth, token).await?, 0.99));
        let flooded = tokio::join!(flood(&users, every, &mut logins), probe(&pair.auth, token), most_memory(pair));
        let (flooded, beside, most) = flooded;
        flooded?;
        probed.push(millis(&beside?, 0.99));
        memory = memory.or_more(most?);
    }
    let [quiet, probed] = [quiet, probed].map(median);
    row("p99 of VerifyToken in a flood of ten times the logins", &format!("{:.2} x", probed / quiet), "<= 2 x quiet");
    println!("  {probed:.2} ms and {quiet:.2} ms, at {PROBES_PER_SECOND} calls/s");
    let [refused, most] = [0.99, 1.0].map(|part| millis(&logins.refused, part));
    row("excess logins refused within (99 of 100)", &format!("{refused:.1} ms"), "<= 50 ms");
    println!(
        "  {} begun, {} RESOURCE_EXHAUSTED within {most:.1} ms, of them {} without RetryInfo, {} others",
        logins.begun,
        logins.refused.len(),
        logins.without_delay,
        logins.other
    );
    let permits = std::thread::available_parallelism().map_or(1, Into::<usize>::into);
    let [hashing, all] = [memory.buffers - before.buffers, memory.all - before.all];
    row("memory of hashing in the flood", &format!("{hashing:.1} MiB"), &format!("<= {} MiB", permits * 19));
    println!("  the process had {all:.1} MiB more than before, the waiting calls included");
    Ok(())
}

/// Starts logins at this pace, and does not wait for their answers.
async fn flood(users: &[Channel], every: Duration, logins: &mut FloodLogins) -> Result<(), Failure> {
    let end = Instant::now() + FLOOD_ROUND_TIME;
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calls = JoinSet::new();
    for user in users.iter().cycle() {
        if Instant::now() >= end {
            break;
        }
        ticks.tick().await;
        let mut client = AuthServiceClient::new(user.clone());
        calls.spawn(async move {
            let began = Instant::now();
            let request =
                LoginRequest { email: USER_EMAIL.into(), password: USER_PASSWORD.into(), ..LoginRequest::default() };
            (client.login(request).await.map(drop), began.elapsed())
        });
    }
    for (login, took) in calls.join_all().await {
        logins.count(login, took)?;
    }
    Ok(())
}

impl FloodLogins {
    fn none() -> Result<Self, Failure> {
        Ok(Self { begun: 0, refused: Histogram::new(3)?, without_delay: 0, other: 0 })
    }

    fn count(&mut self, login: Result<(), Status>, took: Duration) -> Result<(), Failure> {
        match login {
            Ok(()) => self.begun += 1,
            Err(status) if status.code() == Code::ResourceExhausted => {
                self.refused.record(u64::try_from(took.as_micros())?)?;
                let delay = status.get_details_retry_info().and_then(|info| info.retry_delay);
                self.without_delay += u64::from(delay.is_none());
            }
            Err(_) => self.other += 1,
        }
        Ok(())
    }
}

/// Verifies the token at a steady pace. The time of each call counts from its scheduled start.
async fn probe(auth: &Channel, token: &str) -> Result<Histogram<u64>, Failure> {
    let end = Instant::now() + FLOOD_ROUND_TIME;
    let mut ticks = interval(Duration::from_micros(1_000_000 / PROBES_PER_SECOND));
    let mut calls = JoinSet::new();
    while Instant::now() < end {
        let due = ticks.tick().await;
        let (mut client, token) = (TokenServiceClient::new(auth.clone()), token.to_owned());
        calls.spawn(async move { client.verify_token(VerifyTokenRequest { token }).await.map(|_| due.elapsed()) });
    }
    let mut took = Histogram::new(3)?;
    for answered in calls.join_all().await {
        took.record(u64::try_from(answered?.as_micros())?)?;
    }
    Ok(took)
}

/// Memory of a pair, in MiB.
#[derive(Clone, Copy)]
struct Memory {
    all: f64,
    /// Memory in mappings that are large enough for a hash's buffer.
    buffers: f64,
}

impl Memory {
    fn of(pair: &Services) -> Result<Self, Failure> {
        Ok(Self { all: pair.memory()?, buffers: pair.memory_in_mappings(HASH_BUFFER_KIB)? })
    }

    fn or_more(self, other: Self) -> Self {
        Self { all: self.all.max(other.all), buffers: self.buffers.max(other.buffers) }
    }
}

/// Returns the most memory that the pair has during the flood.
async fn most_memory(pair: &Services) -> Result<Memory, Failure> {
    let (end, mut most) = (Instant::now() + FLOOD_ROUND_TIME, Memory::of(pair)?);
    while Instant::now() < end {
        most = most.or_more(Memory::of(pair)?);
        sleep(MEMORY_POLL_INTERVAL).await;
    }
    Ok(most)
}
