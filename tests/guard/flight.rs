//! Concurrent callers with one token share a request; others do not.

use gatepost::{AuthService, GuardLayer, Policy};
use tokio::task::JoinSet;

use crate::support::{Auth, CallView, Guarded, Outside, Port, Refused, SHOW, known};

const CALLERS: usize = 20;

struct Flight {
    auth: Auth,
    outside: Outside,
    server: Guarded,
    port: Port,
}

async fn world() -> Flight {
    let (auth, outside, port) = (Auth::new(known), Outside::default(), Port::reserve());
    let verifier = AuthService::builder(port.url()).build().unwrap();
    let server = Guarded::start_within(outside.clone(), GuardLayer::new(Policy::closed(), verifier).unwrap()).await;
    Flight { auth, outside, server, port }
}

#[tokio::test]
async fn concurrent_calls_with_one_token_share_a_request() {
    let world = world().await;
    let _running = world.auth.serve(world.port.listen());
    world.auth.fall_silent();
    let mut calls = JoinSet::new();
    for connection in [world.server.raw().await, world.server.raw().await] {
        for _ in 0..CALLERS / 2 {
            let raw = connection.clone();
            calls.spawn(async move { raw.call_as_ada(SHOW).await });
        }
    }
    world.outside.begun(CALLERS).await;
    world.auth.asked(1).await;
    world.auth.resume_answers();
    while let Some(reply) = calls.join_next().await {
        assert_eq!(reply.unwrap().message::<CallView>().subject.as_deref(), Some("ada"));
    }
    assert_eq!(world.auth.count(), 1);
}

#[tokio::test]
async fn answer_is_not_kept() {
    let world = world().await;
    let _running = world.auth.serve(world.port.listen());
    let raw = world.server.raw().await;
    for count in 1..=3 {
        assert_eq!(raw.call_as_ada(SHOW).await.message::<CallView>().subject.as_deref(), Some("ada"));
        assert_eq!(world.auth.count(), count);
    }
}

#[tokio::test]
async fn each_token_gets_its_own_answer() {
    let world = world().await;
    let _running = world.auth.serve(world.port.listen());
    world.auth.fall_silent();
    let raw = world.server.raw().await;
    let call = |token: &'static str| {
        let raw = raw.clone();
        tokio::spawn(async move { raw.call(SHOW, &[("api-token", token.as_bytes())]).await })
    };
    let (good, service, revoked, unsayable) = (call("good"), call("service"), call("revoked"), call("unsayable"));
    let mut tokens: Vec<_> = world.auth.asked(4).await.into_iter().map(|asked| asked.token).collect();
    tokens.sort();
    assert_eq!(tokens, ["good", "revoked", "service", "unsayable"]);
    world.auth.resume_answers();
    assert_eq!(good.await.unwrap().message::<CallView>().subject.as_deref(), Some("ada"));
    assert_eq!(service.await.unwrap().message::<CallView>().subject.as_deref(), Some("blog-service"));
    Refused::TOKEN_REVOKED.is(&revoked.await.unwrap().status());
    Refused::AUTH_UNAVAILABLE.is(&unsayable.await.unwrap().status());
}
