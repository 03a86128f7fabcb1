//! Background tasks that log: the feed, health, and the follower of revocations.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;
use tonic::Streaming;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::broken::ALL;
use super::calls::{channel, register};
use super::pair::folder;
use super::process::{Process, metric, reaches, service, service_at};

const KEY: (&str, &str) = ("AUTH_SERVICE_KEY", "a-service-key-of-at-least-32-bytes");
const AUTH: &str = "auth-service listening on ";

#[tokio::test(flavor = "multi_thread")]
async fn feed_recovers_without_a_log() {
    for broken in ALL {
        let folder = folder();
        let url = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
        let first = Process::start(service("auth", &url("auth.db")).envs([KEY]), Stdio::null());
        let auth = first.address(AUTH);
        let (stderr, _reader) = broken.open();
        let mut command = service("blog", &url("blog.db"));
        command
            .args(["--auth-url", &format!("http://{auth}")])
            .envs([("BLOG_SERVICE_KEY", KEY.1), ("RUST_LOG", "trace")]);
        let blog = Process::start(&mut command, stderr);
        let ops = blog.address("blog-service operations on ");
        reaches(ops, "gatepost_feed_up", 1).await;
        first.stop();
        while metric(ops, "gatepost_feed_up").await == 1 {}
        let mut command = service_at("auth", &url("auth.db"), &auth.to_string());
        let second = Process::start(command.envs([KEY]), Stdio::null());
        reaches(ops, "gatepost_feed_up", 1).await;
        blog.stop();
        second.stop();
    }
}

async fn watch(address: SocketAddr) -> Streaming<HealthCheckResponse> {
    HealthClient::new(channel(address)).watch(HealthCheckRequest::default()).await.unwrap().into_inner()
}

async fn becomes(watch: &mut Streaming<HealthCheckResponse>, wanted: ServingStatus) {
    let change = async { while watch.message().await.unwrap().unwrap().status() != wanted {} };
    timeout(Duration::from_mins(2), change).await.unwrap_or_else(|_| panic!("health does not become {wanted:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn database_outage_passes_without_a_log() {
    let Some(server) = testkit::postgres::server().await else { return };
    for broken in ALL {
        let (stderr, _reader) = broken.open();
        let mut command = service("auth", &server.create_database().await.unwrap());
        command.envs([("AUTH_MASTER_KEY", "kTrnwqz5UFVmpOhbMAm+mjbavM99PHDXrZ78nEu+OIM="), ("RUST_LOG", "trace")]);
        let auth = Process::start(&mut command, stderr);
        let address = auth.address(AUTH);
        let mut health = watch(address).await;
        becomes(&mut health, ServingStatus::Serving).await;
        server.kill().await.unwrap();
        becomes(&mut health, ServingStatus::NotServing).await;
        register(address).await.unwrap_err();
        server.start_again().await.unwrap();
        becomes(&mut health, ServingStatus::Serving).await;
        while register(address).await.is_err() {}
        auth.stop();
    }
}
