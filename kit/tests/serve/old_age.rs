//! Age of connections under load: no call is lost when the server ends old connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use kit::serve::ServerLimits;
use testkit::framed;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::support::start;

/// Age of a connection in this test.
const AGE: Duration = Duration::from_millis(100);

/// Connections that must have ended by their age.
const AGES: usize = 10;

/// Callers that share a connection; each waits for its answer before it asks again.
const CALLERS: usize = 32;

/// Client that opens the next connection once the last one takes no more streams. As gRPC's clients do, it repeats a
/// call that the server has not begun: its stream is above the last one of the GOAWAY (RFC 9113 §6.8).
struct Client {
    address: SocketAddr,
    /// Number of the current connection, and its handle.
    current: Mutex<(usize, SendRequest<Bytes>)>,
}

async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    // An old connection ends without an error.
    tokio::spawn(async move { connection.await.unwrap() });
    send
}

impl Client {
    /// Makes a call. Returns the number of its connection.
    async fn call(&self) -> usize {
        loop {
            let (number, send) = self.current.lock().await.clone();
            let request = Request::post("http://test/gatepost.auth.v1.TokenService/VerifyToken");
            let request = request.header("content-type", "application/grpc").body(()).unwrap();
            let begun = match send.ready().await {
                Ok(mut send) => send.send_request(request, false),
                Err(error) => Err(error),
            };
            let Ok((response, mut stream)) = begun else {
                self.replace(number).await;
                continue;
            };
            let _ = stream.send_data(framed(b""), true);
            let answer = match response.await {
                Err(error) if error.is_go_away() && error.is_remote() => {
                    self.replace(number).await;
                    continue;
                }
                answer => answer.expect("each call that was begun is answered"),
            };
            let mut body = answer.into_body();
            while let Some(data) = body.data().await {
                let data = data.expect("the whole answer arrives");
                body.flow_control().release_capacity(data.len()).unwrap();
            }
            assert_eq!(body.trailers().await.unwrap().unwrap()["grpc-status"], "0");
            return number;
        }
    }

    /// Replaces the connection of this number, if no other caller has done so.
    async fn replace(&self, number: usize) {
        let mut current = self.current.lock().await;
        if current.0 == number {
            *current = (number + 1, connect(self.address).await);
        }
    }
}

/// F5: the GOAWAY comes before the end, and what was sent before its arrival is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_ages_under_load_lose_no_call() {
    let server = start(ServerLimits { connection_age: (AGE, Duration::from_mins(1)), ..ServerLimits::default() }).await;
    let current = Mutex::new((0, connect(server.address).await));
    let client = Arc::new(Client { address: server.address, current });
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let client = Arc::clone(&client);
        callers.spawn(async move {
            let mut calls = 0_usize;
            while client.call().await < AGES {
                calls += 1;
            }
            calls
        });
    }
    let calls: usize = callers.join_all().await.iter().sum();
    assert!(calls > AGES * CALLERS, "{calls} calls");
}
