//! A port that belongs to a test for as long as it runs, whether or not anybody listens there.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// A reserved port of the loopback address.
///
/// A bound socket that does not listen holds it: a connection is refused, and no other test can be given the port.
pub(crate) struct Port {
    addr: SocketAddr,
    _hold: TcpSocket,
}

impl Port {
    /// A port where nothing listens.
    pub(crate) fn reserve() -> Self {
        let hold = socket(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self { addr: hold.local_addr().unwrap(), _hold: hold }
    }

    /// Returns the port's address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addr
    }

    /// Where to connect to.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Something listens here for as long as the listener lives.
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
