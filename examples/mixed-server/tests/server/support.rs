//! A running server and its callers.

use std::fmt::Write as _;
use std::net::SocketAddr;

use gatepost::testing::Auth;
use gatepost::{Identity, Token, WithToken};
use metrics::{NoopRecorder, Recorder, with_local_recorder};
use mixed_server::api::depot_service_client::DepotServiceClient;
use mixed_server::{server, stock::Stock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tonic::Code;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

/// A running server with `gatepost::testing::Auth` as the auth service.
pub(crate) struct World {
    pub(crate) auth: Auth,
    pub(crate) stock: Stock,
    pub(crate) channel: Channel,
    address: SocketAddr,
}

/// A client that attaches a token to each call.
pub(crate) type Client = DepotServiceClient<InterceptedService<Channel, WithToken>>;

impl World {
    /// Starts a server with five lamps.
    pub(crate) async fn start() -> Self {
        Self::recorded(&NoopRecorder).await
    }

    /// Starts a server that counts into this recorder. A real program installs its recorder for the whole process.
    pub(crate) async fn recorded(recorder: &dyn Recorder) -> Self {
        let stock = Stock::default();
        stock.set("lamp".to_owned(), 5);
        let (auth, routes) = with_local_recorder(recorder, || {
            let auth = Auth::new();
            let routes = server::routes(stock.clone(), auth.clone()).unwrap();
            (auth, routes)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        Self { auth, stock, channel, address }
    }

    /// Issues a token to ada, a keeper.
    pub(crate) fn keeper(&self) -> Token {
        self.auth.issue(Identity::user("ada").role("keeper"))
    }

    /// Issues a token to bob, who has no role.
    pub(crate) fn visitor(&self) -> Token {
        self.auth.issue(Identity::user("bob"))
    }

    /// Returns a client with this token.
    pub(crate) fn client(&self, token: &Token) -> Client {
        DepotServiceClient::with_interceptor(self.channel.clone(), WithToken::new(token))
    }

    /// Sends a request over HTTP/1.1 and returns the whole response. The connection closes afterwards.
    pub(crate) async fn http(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let mut head = format!("{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        connection.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).to_ascii_lowercase()
    }

    /// Gets a path over HTTP/1.1 with a token. Returns status and body.
    pub(crate) async fn get(&self, path: &str, token: Option<&Token>) -> (u16, String) {
        let header = token.map(|token| ("api-token", token.expose()));
        let answer = self.http(&format!("GET {path}"), header.as_slice(), b"").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

/// Returns the code of a call.
pub(crate) fn code<T>(outcome: &Result<T, tonic::Status>) -> Code {
    outcome.as_ref().err().map_or(Code::Ok, tonic::Status::code)
}
