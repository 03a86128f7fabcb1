//! The client's interceptor: it attaches the token, and logs of metadata do not show it.

use gatepost::{Policy, Rule, Token, WithToken};
use tonic::service::interceptor::InterceptedService;

use crate::support::{CallView, ProbeClient, SHOW, World};

#[tokio::test]
async fn interceptor_sends_api_token_with_each_call() {
    let world = World::start(Policy::closed()).await;
    let interceptor = WithToken::new(&Token::parse("good").unwrap());
    let mut probe = ProbeClient::new(InterceptedService::new(world.server.channel().await, interceptor));
    for _ in 0..2 {
        let view = probe.show().await.unwrap();
        assert_eq!(view.subject.as_deref(), Some("ada"));
        assert_eq!(view.tokens, ["good"]);
        assert!(!view.names.iter().any(|name| name == "authorization"));
        assert!(!view.debug.contains("good"), "{}", view.debug);
    }
}

/// C66: the metadata of a handler shows no token when it is logged.
#[tokio::test]
async fn handler_metadata_hides_tokens() {
    let world = World::start(Policy::closed().rule(SHOW, Rule::Public)).await;
    let raw = world.server.raw().await;
    for headers in [
        &[("api-token", &b"canary"[..])][..],
        &[("authorization", b"Bearer canary")],
        &[("api-token", b"canary-1"), ("api-token", b"canary-2")],
        &[("authorization", b"Bearer canary-1"), ("authorization", b"Bearer canary-2")],
        &[("api-token-bin", b"canary")],
        &[("authorization-bin", b"canary")],
    ] {
        let view: CallView = raw.call(SHOW, headers).await.message();
        assert!(!view.debug.contains("canary"), "{}", view.debug);
    }
}
