//! A flood of logins, ten times as many as can be hashed, and what becomes of everybody else.

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

use super::shared::{EMAIL, PASSWORD, median, row};
use crate::load::millis;

/// How often it is quiet and flooded in turn, and how long each part lasts.
const ROUNDS: usize = 3;
const LENGTH: Duration = Duration::from_secs(10);

/// Calls of `VerifyToken` a second, quiet and in the flood: far from what the service can do.
const PROBES: u64 = 500;

/// How often the memory is looked at, which costs the process some time.
const LOOK: Duration = Duration::from_millis(500);

/// The hasher reserves 33 MiB for a buffer, of which it uses 19, in a mapping of its own; in KiB.
const BUFFER: u64 = 33 * 1024;

/// What became of the logins.
struct Logins {
    begun: u64,
    /// How long it took to refuse one, in microseconds.
    refused: Histogram<u64>,
    without_delay: u64,
    other: u64,
}

#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub(super) async fn run(pair: &Services, token: &str, capacity: f64) -> Result<(), Failure> {
    // The hashing threads give back what they have not used for a while.
    sleep(Duration::from_secs(7)).await;
    let before = Memory::of(pair)?;
    let every = Duration::from_secs_f64(1.0 / (capacity * 10.0));
    let (mut quiet, mut probed) = (Vec::new(), Vec::new());
    let (mut logins, mut memory) = (Logins::none()?, before);
    for _ in 0..ROUNDS {
        quiet.push(millis(&probe(&pair.auth, token).await?, 0.99));
        let flooded = tokio::join!(flood(&pair.auth, every, &mut logins), probe(&pair.auth, token), most_memory(pair));
        let (flooded, beside, most) = flooded;
        flooded?;
        probed.push(millis(&beside?, 0.99));
        memory = memory.or_more(most?);
    }
    let [quiet, probed] = [quiet, probed].map(median);
    row("p99 of VerifyToken in a flood of ten times the logins", &format!("{:.2} x", probed / quiet), "<= 2 x quiet");
    println!("  {probed:.2} ms and {quiet:.2} ms, at {PROBES} calls/s");
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
    println!("  the process had {all:.1} MiB more than before, with all that waited in it");
    Ok(())
}

/// Logs in at this pace, whatever becomes of it.
async fn flood(auth: &Channel, every: Duration, logins: &mut Logins) -> Result<(), Failure> {
    let end = Instant::now() + LENGTH;
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calls = JoinSet::new();
    while Instant::now() < end {
        ticks.tick().await;
        let mut client = AuthServiceClient::new(auth.clone());
        calls.spawn(async move {
            let began = Instant::now();
            let request = LoginRequest { email: EMAIL.into(), password: PASSWORD.into(), ..LoginRequest::default() };
            (client.login(request).await.map(drop), began.elapsed())
        });
    }
    for (login, took) in calls.join_all().await {
        logins.count(login, took)?;
    }
    Ok(())
}

impl Logins {
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

/// Asks what the token is worth at a steady pace, counted from when each call was due.
async fn probe(auth: &Channel, token: &str) -> Result<Histogram<u64>, Failure> {
    let end = Instant::now() + LENGTH;
    let mut ticks = interval(Duration::from_micros(1_000_000 / PROBES));
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

/// What a pair has in MiB.
#[derive(Clone, Copy)]
struct Memory {
    all: f64,
    /// In mappings that are large enough for a hash's buffer.
    buffers: f64,
}

impl Memory {
    fn of(pair: &Services) -> Result<Self, Failure> {
        Ok(Self { all: pair.memory()?, buffers: pair.memory_in_mappings(BUFFER)? })
    }

    fn or_more(self, other: Self) -> Self {
        Self { all: self.all.max(other.all), buffers: self.buffers.max(other.buffers) }
    }
}

/// The most memory that the pair has while the flood lasts.
async fn most_memory(pair: &Services) -> Result<Memory, Failure> {
    let (end, mut most) = (Instant::now() + LENGTH, Memory::of(pair)?);
    while Instant::now() < end {
        most = most.or_more(Memory::of(pair)?);
        sleep(LOOK).await;
    }
    Ok(most)
}
