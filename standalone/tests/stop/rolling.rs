//! Rolling restarts of two replicas behind a balancer that follows their health, under load.

use std::error::Error as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use gatepost::api::auth::v1::VerifyTokenRequest;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use kit::shutdown::Shutdown;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::balancer::Balancer;
use super::pair::folder;
use super::process::{Process, service_at};

/// Callers with one lasting connection each, and callers with a new connection for each call.
const LASTING_CALLERS: usize = 4;
const NEW_CALLERS: usize = 4;

/// Limit of the whole story on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);

/// Two replicas behind a balancer.
struct World {
    replicas: [Process; 2],
    addresses: [SocketAddr; 2],
    balancer: Balancer,
    folder: TempDir,
    delay: &'static str,
}

fn replica(folder: &TempDir, index: usize, listen: &str, delay: &str) -> Process {
    let url = format!("sqlite:{}", folder.path().join(format!("{index}.db")).display());
    let mut command = service_at("auth", &url, listen);
    Process::start(command.args(["--shutdown-delay", delay]), Stdio::null())
}

impl World {
    async fn start(delay: &'static str) -> Self {
        let folder = folder();
        let replicas = [0, 1].map(|index| replica(&folder, index, "127.0.0.1:0", delay));
        let addresses = [0, 1].map(|index| replicas[index].address("auth-service listening on "));
        let balancer = Balancer::start(addresses).await;
        Self { replicas, addresses, balancer, folder, delay }
    }

    /// Stops a replica, waits for its end, and starts the next one in its place.
    async fn restart(&mut self, index: usize) {
        self.replicas[index].signal(Signal::TERM);
        // The wait blocks the thread, and the runtime has another one.
        let ended = tokio::task::block_in_place(|| self.replicas[index].wait());
        assert_eq!(ended.code(), Some(0));
        self.balancer.takes(index, false).await;
        let listen = self.addresses[index].to_string();
        self.replicas[index] = replica(&self.folder, index, &listen, self.delay);
        self.balancer.takes(index, true).await;
    }
}

/// Calls of all callers.
#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    lost: AtomicU64,
    /// Calls that the client has dropped before it sent them.
    unsent: AtomicU64,
}

async fn ask_once(channel: Channel) -> Result<(), Status> {
    TokenServiceClient::new(channel).verify_token(VerifyTokenRequest { token: "x".into() }).await.map(drop)
}

/// Returns true if the client has never sent the call. hyper cancels the calls in its queue if a GOAWAY comes before
/// their turn. A call that was sent ends with another error.
fn is_unsent(status: &Status) -> bool {
    let mut causes = std::iter::successors(status.source(), |&cause| cause.source());
    causes.any(|cause| cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled))
}

/// Asks, and asks again if the client has not sent the call. No server can prevent this: a GOAWAY may always cross a
/// call on its way.
async fn ask(channel: Channel, tally: &Tally) -> Result<(), Status> {
    match ask_once(channel.clone()).await {
        Err(status) if is_unsent(&status) => {
            tally.unsent.fetch_add(1, Relaxed);
            ask_once(channel).await
        }
        asked => asked,
    }
}

/// Calls through the balancer until the end.
fn call(address: SocketAddr, tally: &Arc<Tally>, end: &Shutdown) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    for number in 0..LASTING_CALLERS + NEW_CALLERS {
        let (tally, end) = (Arc::clone(tally), end.clone());
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let lasting = (number < LASTING_CALLERS).then(|| endpoint.connect_lazy());
        callers.spawn(async move {
            while !end.is_cancelled() {
                let called = ask(lasting.clone().unwrap_or_else(|| endpoint.connect_lazy()), &tally).await;
                if let Err(status) = &called {
                    println!("lost on a {} connection: {status:?}", if lasting.is_some() { "lasting" } else { "new" });
                }
                let count = if called.is_ok() { &tally.answered } else { &tally.lost };
                count.fetch_add(1, Relaxed);
            }
        });
    }
    callers
}

/// Restarts each replica this often under load. Returns the number of lost calls.
async fn lost_by_restarts(delay: &'static str, rounds: usize) -> u64 {
    let mut world = World::start(delay).await;
    let (tally, end) = (Arc::<Tally>::default(), Shutdown::new());
    let callers = call(world.balancer.address, &tally, &end);
    for round in 0..rounds * 2 {
        let before = tally.answered.load(Relaxed);
        timeout(LIMIT, world.restart(round % 2)).await.unwrap();
        assert!(tally.answered.load(Relaxed) > before, "calls go on");
    }
    end.cancel();
    callers.join_all().await;
    let [answered, lost, unsent] = [&tally.answered, &tally.lost, &tally.unsent].map(|count| count.load(Relaxed));
    println!("delay {delay}: {answered} calls answered, {lost} lost, {unsent} repeated because they were not sent");
    lost
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_restart_with_a_delay_loses_no_call() {
    assert_eq!(lost_by_restarts("2s", 2).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_restart_without_a_delay_loses_calls() {
    assert!(lost_by_restarts("0s", 1).await > 0, "otherwise the test above proves nothing");
}
