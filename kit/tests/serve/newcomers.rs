//! New connections: limits by address, and seats for operators on a full server.

use std::net::SocketAddr;

use kit::peer::networks;
use kit::serve::ServerLimits;
use tokio::net::{TcpSocket, TcpStream};

use super::frames::{DATA, HEADERS, RawConnection, SETTINGS, frame};
use super::support::{TestServer, start, start_with};

/// Address of the operators in these tests; callers have 127.0.0.1.
const OPERATOR: &str = "127.0.0.9";

/// Number of new connections: more than may wait for a seat.
const CROWD: usize = 70;

async fn connect_from(server: &TestServer, address: &str) -> RawConnection {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    RawConnection::open_on(socket.connect(server.address).await.unwrap()).await
}

/// Opens a connection with a call that hangs, so that it may not be closed for others.
async fn busy(server: &TestServer) -> RawConnection {
    let mut connection = RawConnection::open(server.address).await;
    let path = b"/gatepost.auth.v1.TokenService/VerifyToken";
    let headers = [&[0x83, 0x86, 0x04, 42], &path[..], &[0x0f, 0x10, 16], b"application/grpc"].concat();
    let message = [0, 0, 0, 0, 6, 0x0a, 4, b'h', b'a', b'n', b'g'];
    connection.send(&[frame(HEADERS, 0x4, 1, &headers), frame(DATA, 0x1, 1, &message)].concat()).await;
    // The answer to a later request shows that the call is under way.
    connection.send(&frame(HEADERS, 0x5, 3, &[0x83, 0x86, 0x84])).await;
    connection.find(HEADERS).await.expect("the later request is refused");
    connection
}

#[tokio::test]
async fn operator_gets_in_while_callers_wait() {
    let server = start_with(|parts| {
        parts.limits.connections = 1;
        parts.limits.reserved_connections = 1;
        parts.operators = networks(OPERATOR).unwrap();
    })
    .await;
    let _busy = busy(&server).await;
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        crowd.push(TcpStream::connect(server.address).await.unwrap());
    }
    let mut operator = connect_from(&server, OPERATOR).await;
    operator.find(SETTINGS).await.expect("the operator is served");
    // The crowd's last connections found the queue full.
    let mut last = RawConnection::open_on(crowd.pop().unwrap()).await;
    assert!(last.next().await.is_none(), "the last one is closed, not an earlier one");
    assert_eq!((ServerLimits::default().connections, ServerLimits::default().reserved_connections), (4096, 32));
}

#[tokio::test]
async fn address_has_a_limit_of_connections() {
    let server = start(ServerLimits { address_connections: Some(2), ..ServerLimits::default() }).await;
    let [mut one, mut two] = [RawConnection::open(server.address).await, RawConnection::open(server.address).await];
    one.find(SETTINGS).await.expect("the first is served");
    two.find(SETTINGS).await.expect("the second is served");
    let mut third = RawConnection::open(server.address).await;
    assert!(third.next().await.is_none(), "the third is closed");
    let mut other = connect_from(&server, OPERATOR).await;
    other.find(SETTINGS).await.expect("another address is served");
    drop(one);
    while RawConnection::open(server.address).await.next().await.is_none() {}
    assert_eq!(ServerLimits::default().address_connections, None);
}
