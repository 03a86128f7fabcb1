//! The real nginx and `HAProxy`, with their files from `deploy/`, in front of both services.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use blog_service::api::v1::CreatePostRequest;
use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, GetMeRequest};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use super::pair::{Outcome, PASSWORD, Pair, folder};
use super::process::{Process, metric, reaches, service};
use super::programs::{deploy, program};

const KEY: &str = "thicket-marimba-oblong-quince-42-umbel";

/// Longest content of a post, in bytes.
const LONGEST_CONTENT: usize = 1024 * 1024;

/// Length of a header, in bytes. It fits into the services' 16 KiB together with the other headers.
const LONG_HEADER: usize = 12 * 1024;

/// File name of the socket for `HAProxy`'s statistics.
const STATISTICS: &str = "statistics";

/// Result of a successful check in the statistics.
const GOOD_CHECK: &str = ",L7OK,";

/// Number of renewals of a feed, two per second. They take longer than the proxy's timeouts, which the test shortens to
/// 6 s. Shorter ones would end registrations: on a busy machine, hashes of passwords take long at the lowest priority.
const RENEWALS: u64 = 14;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Nginx,
    Haproxy,
}

/// A running proxy, killed when dropped.
struct Proxy {
    child: Child,
    address: String,
    folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Replaces each documented text. Panics unless it occurs exactly once.
fn replaced(mut text: String, changes: &[(&str, &str)]) -> String {
    for (documented, here) in changes {
        assert_eq!(text.matches(documented).count(), 1, "{documented}");
        text = text.replace(documented, here);
    }
    text
}

impl Kind {
    fn program(self) -> Option<PathBuf> {
        program(match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        })
    }

    /// Starts the program with its file in front of this pair, and waits until it accepts connections.
    ///
    /// The port is fixed, because these programs cannot listen on port 0. The loopback address is unique to this test.
    fn start(self, program: PathBuf, pair: &Pair) -> Proxy {
        let folder = folder();
        let [.., high, low] = std::process::id().to_be_bytes();
        let here = SocketAddr::from(([127, 100 + self as u8, high, low.max(2)], 50050));
        let address = here.to_string();
        let mut command = Command::new(program);
        match self {
            Self::Nginx => set_up_nginx(&mut command, folder.path(), &address, pair),
            Self::Haproxy => set_up_haproxy(&mut command, folder.path(), &address, pair),
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let mut proxy = Proxy { child, address, folder };
        while TcpStream::connect(here).is_err() {
            assert!(proxy.child.try_wait().unwrap().is_none(), "{self:?} has not started; its output is above");
        }
        if self == Self::Haproxy {
            proxy.wait_for_checks();
        }
        proxy
    }
}

/// Writes the settings of nginx, with timeouts that are shorter than the feed of the test.
fn set_up_nginx(command: &mut Command, folder: &Path, address: &str, pair: &Pair) {
    let text = replaced(
        fs::read_to_string(deploy("nginx/gatepost.conf")).unwrap(),
        &[
            ("listen 127.0.0.1:50050", &format!("listen {address}")),
            ("server 127.0.0.1:50051", &format!("server {}", pair.auth)),
            ("server 127.0.0.1:50052", &format!("server {}", pair.blog)),
            ("grpc_read_timeout 10s", "grpc_read_timeout 6s"),
            ("grpc_send_timeout 10s", "grpc_send_timeout 6s; client_body_timeout 6s"),
        ],
    );
    fs::write(folder.join("gatepost.conf"), text).unwrap();
    let folder = folder.display();
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};"))
        .concat();
    // Without a master, no worker outlives the test.
    let main = format!(
        "user root root; daemon off; master_process off; pid {folder}/pid; events {{}} \
         http {{ access_log off; {paths} include {folder}/gatepost.conf; }}"
    );
    let file = format!("{folder}/nginx.conf");
    fs::write(&file, main).unwrap();
    command.args(["-e", "stderr", "-c", &file]);
}

/// Writes the settings of `HAProxy`, with timeouts that are shorter than the feed of the test.
fn set_up_haproxy(command: &mut Command, folder: &Path, address: &str, pair: &Pair) {
    let port = |ops: &Option<String>| ops.as_ref().unwrap().rsplit_once(':').unwrap().1.to_owned();
    let text = replaced(
        fs::read_to_string(deploy("haproxy/haproxy.cfg")).unwrap(),
        &[
            ("bind 127.0.0.1:50050", &format!("bind {address}")),
            ("127.0.0.1:50051 port 9101", &format!("{} port {}", pair.auth, port(&pair.auth_ops))),
            ("127.0.0.1:50052 port 9102", &format!("{} port {}", pair.blog, port(&pair.blog_ops))),
            ("global\n", &format!("global\n    stats socket {}\n", folder.join(STATISTICS).display())),
            ("timeout client 1m", "timeout client 6s"),
            ("timeout server 10s", "timeout server 6s"),
        ],
    );
    let file = folder.join("haproxy.cfg");
    fs::write(&file, text).unwrap();
    command.arg("-db").arg("-f").arg(file);
}

impl Proxy {
    /// Waits until `HAProxy` has had a good answer to its checks of both services. Before, it assumes healthy servers.
    fn wait_for_checks(&mut self) {
        loop {
            assert!(self.child.try_wait().unwrap().is_none(), "HAProxy has ended; its output is above");
            // The program listens for calls before it makes this socket.
            let Ok(mut stream) = UnixStream::connect(self.folder.path().join(STATISTICS)) else { continue };
            stream.write_all(b"show stat\n").unwrap();
            let mut table = String::new();
            stream.read_to_string(&mut table).unwrap();
            assert!(!table.contains(",DOWN"), "the checks fail: {table}");
            if table.matches(GOOD_CHECK).count() == 2 {
                return;
            }
        }
    }

    /// Returns a channel through the proxy that connects from this address.
    fn channel(&self, from: [u8; 4]) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.local_address(Some(IpAddr::V4(Ipv4Addr::from(from)))).connect_lazy()
    }
}

const ADA: [u8; 4] = [127, 0, 0, 7];
const BOB: [u8; 4] = [127, 0, 0, 8];

/// Registers a user who claims to call from another address.
async fn register(channel: &Channel, email: &str, claimed: &str) -> Result<String, Status> {
    let (name, email, password) = ("Ada".into(), email.into(), PASSWORD.into());
    let mut request = Request::new(CreateUserRequest { name, email, password, ..CreateUserRequest::default() });
    request.metadata_mut().insert("x-real-ip", claimed.parse().unwrap());
    Ok(UserServiceClient::new(channel.clone()).create_user(request).await?.into_inner().tokens.unwrap().access_token)
}

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("api-token", token.parse().unwrap());
    request
}

#[track_caller]
fn reason(status: &Status) -> String {
    let details = status.get_details_error_info();
    details.unwrap_or_else(|| panic!("answered by the proxy itself: {status:?}")).reason
}

/// Time limit for a whole test behind a proxy.
const PROXY_TIMEOUT: Duration = Duration::from_mins(2);

async fn works_behind(kind: Kind) -> Outcome {
    timeout(PROXY_TIMEOUT, calls_behind(kind)).await?
}

async fn calls_behind(kind: Kind) -> Outcome {
    let Some(program) = kind.program() else { return Ok(()) };
    let folder = folder();
    let settings = [
        ("AUTH_OPS_LISTEN", "127.0.0.1:0"),
        ("BLOG_OPS_LISTEN", "127.0.0.1:0"),
        ("AUTH_SERVICE_KEY", KEY),
        ("AUTH_TRUSTED_PROXIES", "127.0.0.1"),
        ("AUTH_CLIENT_ADDRESS_HEADER", "x-real-ip"),
        ("AUTH_SIGN_UPS", "1"),
        ("AUTH_SIGN_UPS_PER_MINUTE", "1"),
    ];
    let pair = Pair::start(folder.path(), &settings);
    let proxy = kind.start(program, &pair);

    // The proxy overwrites the address that a caller claims, so the limit of one registration per address holds.
    let ada = proxy.channel(ADA);
    let token = register(&ada, "ada@example.com", "192.0.2.1").await?;
    let refused = register(&ada, "ada2@example.com", "192.0.2.2").await.unwrap_err();
    assert_eq!(reason(&refused), "TOO_MANY_ATTEMPTS");
    register(&proxy.channel(BOB), "bob@example.com", "192.0.2.1").await?;

    // Large requests, long headers, and details of refusals pass through the proxy.
    let mut posts = PostServiceClient::new(ada.clone());
    let content = "b".repeat(LONGEST_CONTENT);
    let request = CreatePostRequest { title: "a".into(), content, ..CreatePostRequest::default() };
    posts.create_post(with_token(request.clone(), &token)).await?;
    let too_long = CreatePostRequest { content: request.content + "b", ..request };
    assert_eq!(reason(&posts.create_post(with_token(too_long, &token)).await.unwrap_err()), "INVALID_FIELDS");
    let mut users = UserServiceClient::new(ada.clone());
    let mut long = with_token(GetMeRequest {}, &token);
    long.metadata_mut().insert("x-filler", "x".repeat(LONG_HEADER).parse()?);
    users.get_me(long).await?;
    let garbled = "x".repeat(LONG_HEADER);
    assert_eq!(reason(&users.get_me(with_token(GetMeRequest {}, &garbled)).await.unwrap_err()), "TOKEN_INVALID");

    // The proxy does not expose the health service.
    let hidden = HealthClient::new(ada).check(HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!(hidden.code(), Code::Unimplemented);

    // A guard's feed outlives the proxy's timeouts.
    let url = format!("sqlite:{}", folder.path().join("guarded.db").display());
    let mut command = service("blog", &url);
    command.args(["--auth-url", &format!("http://{}", proxy.address)]).env("BLOG_SERVICE_KEY", KEY);
    let guarded = Process::start(&mut command, Stdio::null());
    let ops = guarded.address("blog-service operations on ");
    reaches(ops, "gatepost_feed_renewals_total", RENEWALS).await;
    assert_eq!((metric(ops, "gatepost_feed_up").await, metric(ops, "gatepost_feed_gaps_total").await), (1, 0));
    assert_eq!(metric(ops, "gatepost_feed_resets_total").await, 1, "one stream for the whole test");
    guarded.stop();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn services_work_behind_nginx() -> Outcome {
    works_behind(Kind::Nginx).await
}

#[tokio::test(flavor = "multi_thread")]
async fn services_work_behind_haproxy() -> Outcome {
    works_behind(Kind::Haproxy).await
}
