//! An operations port with a service that the test controls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use kit::lifecycle::Lifecycle;
use kit::ops::{Endpoint, EndpointResponse, Endpoints, OpsLimits, OpsListener, run_with_port};
use kit::shutdown::Shutdown;
use kit::tls::ServerTls;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// A database that writes, refuses or hangs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum DatabaseState {
    Writes,
    Full,
    Hangs,
}

pub(crate) struct OpsPort {
    pub(crate) address: SocketAddr,
    pub(crate) endpoints: Endpoints,
    pub(crate) shutdown: Shutdown,
    pub(crate) disk: watch::Sender<DatabaseState>,
    /// Number of writes that have started.
    pub(crate) writes: Arc<AtomicU32>,
    pub(crate) end: oneshot::Sender<()>,
    pub(crate) task: JoinHandle<()>,
}

/// Opens a port before its service has started.
pub(crate) async fn open(limits: OpsLimits) -> OpsPort {
    open_with_tls(limits, None).await
}

/// Opens a port with TLS before its service has started.
pub(crate) async fn open_with_tls(limits: OpsLimits, tls: Option<ServerTls>) -> OpsPort {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    let (give, given) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let life = Lifecycle::from(shutdown.clone());
    let service = async move |endpoints| {
        assert!(give.send(endpoints).is_ok());
        // The service ends when the test sends on `end` or drops it.
        let _ = ended.await;
    };
    let listener = Some(OpsListener { socket: listener, tls });
    let task = tokio::spawn(async move { run_with_port("test", listener, limits, &life, service).await.unwrap() });
    let endpoints = given.await.unwrap();
    OpsPort {
        address,
        endpoints,
        shutdown,
        disk: watch::Sender::new(DatabaseState::Writes),
        writes: Arc::default(),
        end,
        task,
    }
}

impl OpsPort {
    /// Starts the service.
    pub(crate) fn start(&self) {
        let (disk, writes) = (self.disk.clone(), Arc::clone(&self.writes));
        let write = move || {
            writes.fetch_add(1, SeqCst);
            let mut state = disk.subscribe();
            Box::pin(async move {
                match *state.wait_for(|state| *state != DatabaseState::Hangs).await.unwrap() {
                    DatabaseState::Full => Err("the database's disk is full".into()),
                    _ => Ok(()),
                }
            }) as _
        };
        let page = Endpoint::new("/page", |ask| {
            EndpointResponse::json(format!("{:?}", ask.host().map(|host| host.to_string()))).kept_for(7)
        });
        self.endpoints.show(vec![page], Box::new(write));
    }
}

/// Opens a port and starts its service.
pub(crate) async fn started(limits: OpsLimits) -> OpsPort {
    let port = open(limits).await;
    port.start();
    port
}
