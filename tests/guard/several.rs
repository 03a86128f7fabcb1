//! Several endpoints of one auth service: no request is lost when one of them fails, and the feed moves.

use std::time::Duration;

use gatepost::api::auth::v1::Greeting;
use gatepost::{AuthService, Token, TokenStatus, Verify};
use tokio::time::{Instant, timeout};
use tonic::Status;

use crate::support::{Answer, Auth, Balancer, Fed, Port, Running, grounded, known};

/// The time limit of a request.
const LIMIT: Duration = Duration::from_millis(500);

/// Time limit of a wait for an event.
const LONG: Duration = Duration::from_mins(1);

/// A fake auth service on a port of its own.
struct Replica {
    auth: Auth,
    port: Port,
    running: Option<Running>,
}

impl Replica {
    fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let mut replica = Self { auth: Auth::new(answer), port: Port::reserve(), running: None };
        replica.start_again();
        replica
    }

    fn start_again(&mut self) {
        self.running = Some(self.auth.serve(self.port.listen()));
    }

    async fn stop(&mut self) {
        self.running.take().unwrap().stop().await;
    }
}

/// Returns a client of these URLs without a service key, so that each verification is a request.
fn client(urls: [String; 2]) -> AuthService {
    let [first, second] = urls;
    AuthService::builder(first).endpoint(second).build().unwrap()
}

/// Verifies a token within the time limit of a request.
async fn verifies(client: &AuthService) -> bool {
    let introspection = client.verify(&Token::parse("good").unwrap(), Instant::now() + LIMIT).await;
    matches!(introspection.unwrap().status, TokenStatus::Active(_))
}

/// Returns the number of endpoints that are down.
fn down(client: &AuthService) -> u64 {
    client.metrics().read().endpoints_down
}

#[tokio::test]
async fn requests_go_to_all_endpoints() {
    let [one, two] = [Replica::start(known), Replica::start(known)];
    let client = client([one.port.url(), two.port.url()]);
    for _ in 0..10 {
        assert!(verifies(&client).await);
    }
    assert_eq!((one.auth.count(), two.auth.count()), (5, 5));
    let counts = client.metrics().read();
    assert_eq!((counts.endpoints, counts.endpoints_down, counts.failovers), (2, 0, 0));
}

#[tokio::test]
async fn stopped_endpoint_costs_no_request() {
    let [mut one, two] = [Replica::start(known), Replica::start(known)];
    let client = client([one.port.url(), two.port.url()]);
    for _ in 0..4 {
        assert!(verifies(&client).await);
    }
    one.stop().await;
    for _ in 0..20 {
        assert!(verifies(&client).await);
    }
    assert_eq!((down(&client), one.auth.count(), two.auth.count()), (1, 2, 22));
    assert_eq!(client.metrics().read().failovers, 1);

    one.start_again();
    let asked = timeout(LONG, one.auth.asked(3)).await.unwrap();
    assert_eq!(asked[2].token, "probe", "a probe precedes the requests of callers");
    let before = one.auth.count();
    while down(&client) > 0 {
        assert!(verifies(&client).await);
    }
    for _ in 0..4 {
        assert!(verifies(&client).await);
    }
    assert!(one.auth.count() > before);
}

#[tokio::test]
async fn silent_endpoint_costs_no_request() {
    let [one, two] = [Replica::start(known), Replica::start(known)];
    let client = client([one.port.url(), two.port.url()]);
    one.auth.fall_silent();
    for _ in 0..10 {
        assert!(verifies(&client).await);
    }
    assert_eq!(down(&client), 1);
    assert!(two.auth.count() >= 10);
    one.auth.resume_answers();
    while down(&client) > 0 {
        assert!(verifies(&client).await);
    }
}

#[tokio::test]
async fn vanished_endpoint_costs_no_request() {
    let [one, two] = [Replica::start(known), Replica::start(known)];
    let balancer = Balancer::start(&one.port);
    let client = client([balancer.url(), two.port.url()]);
    for _ in 0..2 {
        assert!(verifies(&client).await);
    }
    balancer.vanish();
    for _ in 0..10 {
        assert!(verifies(&client).await);
    }
    assert!(client.metrics().read().failovers <= 1, "one request finds the silence");
}

#[tokio::test]
async fn endpoint_that_cannot_verify_costs_no_request() {
    let behind = Replica::start(|_| Err(Status::unavailable("the view is old")));
    let two = Replica::start(known);
    let client = client([behind.port.url(), two.port.url()]);
    for _ in 0..10 {
        assert!(verifies(&client).await);
    }
    assert_eq!((down(&client), two.auth.count()), (1, 10));
}

#[tokio::test]
async fn requests_succeed_once_one_endpoint_is_back() {
    let [mut one, mut two] = [Replica::start(known), Replica::start(known)];
    let client = client([one.port.url(), two.port.url()]);
    one.stop().await;
    two.stop().await;
    let token = Token::parse("good").unwrap();
    assert!(client.verify(&token, Instant::now() + LIMIT).await.is_err());
    two.start_again();
    let back = async { while client.verify(&token, Instant::now() + LIMIT).await.is_err() {} };
    timeout(LONG, back).await.unwrap();
}

#[tokio::test]
async fn feed_moves_to_the_other_endpoint_and_resumes() {
    let [mut one, mut two] = [Replica::start(grounded), Replica::start(grounded)];
    let key = Token::parse("the-key").unwrap();
    let builder = AuthService::builder(one.port.url()).endpoint(two.port.url());
    let client = builder.service_key(&key).build().unwrap();
    let (mut fed, is_first) = tokio::select! {
        fed = one.auth.stream() => (fed, true),
        fed = two.auth.stream() => (fed, false),
    };
    fed.greet(Greeting::default()).await;
    fed.reset(3).await;
    assert!(verifies(&client).await);
    let (followed, other) = if is_first { (&mut one, &two) } else { (&mut two, &one) };
    drop(fed);
    followed.stop().await;
    let mut next: Fed = timeout(LONG, other.auth.stream()).await.unwrap();
    let resume = next.greet(Greeting::default()).await;
    assert_eq!(resume.position.map(|position| position.revision), Some(3));
}

#[tokio::test]
async fn host_name_stands_for_its_addresses() {
    let one = Replica::start(known);
    let url = one.port.url().replace("127.0.0.1", "localhost");
    let client = AuthService::builder(url).build().unwrap();
    for _ in 0..3 {
        assert!(verifies(&client).await);
    }
    assert_eq!(one.auth.count(), 3);
}
