//! A port, and in place of a service a promise that the test keeps.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use kit::ops::{Endpoint, EndpointResponse, Endpoints, OpsLimits, beside};
use kit::shutdown::Shutdown;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// A database that writes, refuses or hangs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Disk {
    Writes,
    Full,
    Hangs,
}

pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    pub(crate) endpoints: Endpoints,
    pub(crate) shutdown: Shutdown,
    pub(crate) disk: watch::Sender<Disk>,
    /// How many writes have begun.
    pub(crate) writes: Arc<AtomicU32>,
    pub(crate) end: oneshot::Sender<()>,
    pub(crate) task: JoinHandle<()>,
}

/// A port whose service has not started yet.
pub(crate) async fn open(limits: Limits) -> Port {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    let (give, given) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let told = shutdown.clone();
    let service = async move |endpoints| {
        assert!(give.send(endpoints).is_ok());
        // The test ends the service, or forgets it.
        let _ = ended.await;
    };
    let task = tokio::spawn(async move { beside("test", Some(listener), limits, &told, service).await });
    let endpoints = given.await.unwrap();
    Port { address, endpoints, shutdown, disk: watch::Sender::new(Disk::Writes), writes: Arc::default(), end, task }
}

impl Port {
    /// The service has started.
    pub(crate) fn start(&self) {
        let (disk, writes) = (self.disk.clone(), Arc::clone(&self.writes));
        let write = move || {
            writes.fetch_add(1, SeqCst);
            let mut state = disk.subscribe();
            Box::pin(async move {
                match *state.wait_for(|state| *state != Disk::Hangs).await.unwrap() {
                    Disk::Full => Err("the database's disk is full".into()),
                    _ => Ok(()),
                }
            }) as _
        };
        let page = Endpoint {
            path: "/page",
            handler: Box::new(|ask| {
                EndpointResponse::json(format!("{:?}", ask.host().map(|host| host.to_string()))).kept_for(7)
            }),
        };
        self.endpoints.show(vec![page], Box::new(write));
    }
}

/// A port whose service has started.
pub(crate) async fn started(limits: Limits) -> Port {
    let port = open(limits).await;
    port.start();
    port
}
