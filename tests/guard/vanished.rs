//! A replica that vanishes without a reset: open connections fall silent, and new ones reach another replica.

use std::time::Duration;

use gatepost::api::auth::v1::Greeting;
use gatepost::{AuthService, Token, TokenStatus, Unavailable, Verify};
use tokio::time::Instant;

use crate::support::{Auth, Balancer, Port, Running, grounded};

/// The time limit of a request.
const LIMIT: Duration = Duration::from_millis(500);

/// More than the duration of a test.
const LONG: Duration = Duration::from_mins(1);

struct World {
    auth: Auth,
    balancer: Balancer,
    _running: Running,
    _port: Port,
}

impl World {
    fn start() -> Self {
        let (auth, port) = (Auth::new(grounded), Port::reserve());
        let running = auth.serve(port.listen());
        Self { auth, balancer: Balancer::start(&port), _running: running, _port: port }
    }
}

/// Returns true if the token is valid. The answer must come within `limit`.
async fn is_good(verifier: &impl Verify, text: &str, limit: Duration) -> Result<bool, Unavailable> {
    let introspection = verifier.verify(&Token::parse(text).unwrap(), Instant::now() + limit).await?;
    Ok(matches!(introspection.status, TokenStatus::Active(_)))
}

#[tokio::test]
async fn one_timeout_moves_all_requests() {
    let world = World::start();
    let verifier = AuthService::builder(world.balancer.url()).build().unwrap();
    assert_eq!(is_good(&verifier, "good", LIMIT).await, Ok(true));
    world.balancer.vanish();
    assert!(is_good(&verifier, "good", LIMIT).await.is_err());
    assert_eq!(is_good(&verifier, "good", LIMIT).await, Ok(true), "the new connection reaches another replica");
    assert_eq!(world.auth.count(), 2);
}

#[tokio::test]
async fn feed_reconnect_moves_the_requests() {
    let world = World::start();
    let key = Token::parse("the-key").unwrap();
    let verifier = AuthService::builder(world.balancer.url()).service_key(&key).build().unwrap();
    let mut fed = world.auth.stream().await;
    fed.greet(Greeting::default()).await;
    fed.reset(3).await;
    assert_eq!(is_good(&verifier, "good", LONG).await, Ok(true));
    world.balancer.vanish();
    // The guard ends the silent stream and opens the next one.
    let mut next = world.auth.stream().await;
    next.greet(Greeting::default()).await;
    next.reset(3).await;
    assert_eq!(is_good(&verifier, "seller", LONG).await, Ok(true), "the request finds a working channel at once");
}
