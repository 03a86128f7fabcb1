//! A TCP balancer that uses only healthy servers, like balancers in front of real services.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Pause between two checks of a server.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Time for the answer to a check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// A balancer over two servers; it ends when dropped.
pub(super) struct Balancer {
    pub(super) address: SocketAddr,
    servers: Arc<[BalancedServer; 2]>,
    _tasks: JoinSet<()>,
}

struct BalancedServer {
    address: SocketAddr,
    is_healthy: watch::Sender<bool>,
}

impl Balancer {
    pub(super) async fn start(servers: [SocketAddr; 2]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let servers = Arc::new(servers.map(|address| BalancedServer { address, is_healthy: watch::Sender::new(true) }));
        let mut tasks = JoinSet::new();
        for index in 0..2 {
            let servers = Arc::clone(&servers);
            tasks.spawn(async move { servers[index].check_forever().await });
        }
        tasks.spawn(balance(listener, Arc::clone(&servers)));
        Self { address, servers, _tasks: tasks }
    }

    /// Waits until the balancer considers the server healthy, or unhealthy.
    pub(super) async fn takes(&self, index: usize, healthy: bool) {
        let mut seen = self.servers[index].is_healthy.subscribe();
        seen.wait_for(|is_healthy| *is_healthy == healthy).await.unwrap();
    }
}

impl BalancedServer {
    async fn check_forever(&self) {
        loop {
            let checked = timeout(CHECK_TIMEOUT, check(self.address)).await;
            self.is_healthy.send_replace(checked.unwrap_or(false));
            sleep(CHECK_INTERVAL).await;
        }
    }
}

/// Checks health on a new connection, so that a server that is gone is noticed.
async fn check(address: SocketAddr) -> bool {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let Ok(channel) = endpoint.connect().await else { return false };
    let checked = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    checked.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
}

/// Forwards each new connection to the next healthy server. Closes it if the server refuses, as balancers do.
async fn balance(listener: TcpListener, servers: Arc<[BalancedServer; 2]>) {
    let (next, mut links) = (AtomicUsize::new(0), JoinSet::new());
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        while links.try_join_next().is_some() {}
        let turn = next.fetch_add(1, Relaxed);
        let healthy = (0..2).map(|offset| &servers[(turn + offset) % 2]).find(|server| *server.is_healthy.borrow());
        let Some(server) = healthy else { continue };
        let address = server.address;
        links.spawn(async move {
            let Ok(mut upstream) = TcpStream::connect(address).await else { return };
            client.set_nodelay(true).unwrap();
            upstream.set_nodelay(true).unwrap();
            let _ = copy_bidirectional(&mut client, &mut upstream).await;
        });
    }
}
