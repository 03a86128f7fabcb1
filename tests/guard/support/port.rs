//! A port that is reserved for a test.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// A reserved port of the loopback address.
pub(crate) struct Port {
    addr: SocketAddr,
    _hold: TcpSocket,
}

impl Port {
    /// Reserves a port without a listener.
    pub(crate) fn reserve() -> Self {
        let hold = socket(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self { addr: hold.local_addr().unwrap(), _hold: hold }
    }

    /// Returns the port's address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the URL of the port.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Listens on the port while the returned listener lives.
    pub(crate) fn listen(&self) -> TcpListener {
        socket(self.addr).listen(1024).unwrap()
    }
}

fn socket(addr: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(addr).unwrap();
    socket
}
