//! Health follows the service's own database, and `healthcheck` reports it.

use std::process::Output;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::timeout;
use tonic::Streaming;
use tonic::transport::Endpoint;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::outsider::{Home, Outsider};
use super::pair::gatepost;
use super::service::{BOTH, Service, Which};

/// Limit of any wait on a busy machine. The services' own limits are tested with a stopped clock (`kit::serve`).
const LIMIT: Duration = Duration::from_mins(1);

async fn watch(address: &str) -> Streaming<HealthCheckResponse> {
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    HealthClient::new(channel).watch(HealthCheckRequest::default()).await.unwrap().into_inner()
}

/// Waits for the next status of the watch, which must be this one.
async fn assert_status(watch: &mut Streaming<HealthCheckResponse>, wanted: ServingStatus) {
    let answer = timeout(LIMIT, watch.message()).await.expect("health changes").unwrap().unwrap();
    assert_eq!(answer.status(), wanted);
}

/// Runs `gatepost auth healthcheck` for the service at this address.
fn healthcheck(which: Which, address: &str, arguments: &[&str]) -> Output {
    gatepost().args([which.name(), "--listen", address, "healthcheck"]).args(arguments).output().unwrap()
}

fn says(output: &Output, code: i32, part: &str) {
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(part) && said.lines().count() == 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_follows_a_paused_killed_and_stopped_server() {
    let Some(server) = testkit::postgres::server().await else { return };
    for which in BOTH {
        let mut service = Service::start(which, &server.create_database().await.unwrap());
        let address = service.serves();
        let mut watch = watch(&address).await;
        assert_status(&mut watch, ServingStatus::Serving).await;
        says(&healthcheck(which, &address, &[]), 0, "serves");
        for end in ["pause", "kill", "stop"] {
            match end {
                "pause" => server.pause().await.unwrap(),
                "kill" => server.kill().await.unwrap(),
                _ => server.stop_fast().await.unwrap(),
            }
            assert_status(&mut watch, ServingStatus::NotServing).await;
            says(&healthcheck(which, &address, &[]), 1, "its database does not answer");
            match end {
                "pause" => server.resume().await.unwrap(),
                _ => server.start_again().await.unwrap(),
            }
            assert_status(&mut watch, ServingStatus::Serving).await;
            says(&healthcheck(which, &address, &[]), 0, "serves");
        }
        service.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_reads_a_row_of_the_services_own() {
    for which in BOTH {
        for home in Home::all().await {
            let mut service = Service::start(which, &home.url());
            let address = service.serves();
            let mut watch = watch(&address).await;
            assert_status(&mut watch, ServingStatus::Serving).await;
            let mut outsider: Outsider = home.outsider().await;
            outsider.run("alter table secrets rename to gone").await;
            assert_status(&mut watch, ServingStatus::NotServing).await;
            outsider.run("alter table gone rename to secrets").await;
            assert_status(&mut watch, ServingStatus::Serving).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_says_in_one_sentence_why_it_fails() {
    let folder = super::pair::folder();
    for which in BOTH {
        let file = super::service::file(&folder.path().join(which.name()));
        let mut service = Service::start(which, &file);
        let address = service.serves();
        let every = address.replace("127.0.0.1", "0.0.0.0");
        says(&healthcheck(which, &every, &[]), 0, &address);
        says(&healthcheck(which, "127.0.0.1:0", &[]), 1, "name its address with --url");
        says(&healthcheck(which, "127.0.0.1:0", &["--url", &format!("http://{address}")]), 0, "serves");
        says(&healthcheck(which, &address, &["--url", "ftp://here"]), 2, "write http://HOST:PORT");
        service.signal(Signal::STOP);
        says(&healthcheck(which, &address, &["--timeout", "200ms"]), 1, "has not answered within 200ms");
        service.signal(Signal::CONT);
        service.stop();
        says(&healthcheck(which, &address, &[]), 1, "nothing answers at");
    }
}
