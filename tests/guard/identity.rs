//! The caller's identity comes from the guard alone.

use std::time::SystemTime;

use gatepost::{AuthService, GuardLayer, Identity, Policy, Rule};

use crate::support::{Auth, CallView, Guarded, Outside, Port, Raw, SHOW, World, known};

const FORGED: [(&str, &[u8]); 12] = [
    ("x-user-id", b"eve"),
    ("x-user-id", b"mallory"),
    ("x-user-id-bin", b"ZXZl"),
    ("x-user-roles", b"admin"),
    ("x-forwarded-user", b"eve"),
    ("x-forwarded-email", b"eve@example.com"),
    ("x-forwarded-client-cert", b"By=eve"),
    ("x-auth-request-user", b"eve"),
    ("x-authenticated-user", b"eve"),
    ("x-remote-user", b"eve"),
    ("x-gatepost-subject", b"eve"),
    ("x-jwt-payload", b"e30"),
];

const ROUTE: [(&str, &[u8]); 3] = [
    ("x-forwarded-for", b"192.0.2.1"),
    ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("x-request-id", b"r1"),
];

async fn show(raw: &Raw, token: Option<&'static [u8]>) -> CallView {
    let token = token.map(|token| ("api-token", token));
    let headers: Vec<_> = FORGED.into_iter().chain(ROUTE).chain(token).collect();
    raw.call(SHOW, &headers).await.message()
}

fn assert_only_route_headers(view: &CallView) {
    for (name, _) in FORGED {
        assert!(!view.names.iter().any(|seen| seen == name), "{name}");
    }
    for (name, _) in ROUTE {
        assert!(view.names.iter().any(|seen| seen == name), "{name}");
    }
}

/// C26: forged identity headers do not reach a handler; route headers do.
#[tokio::test]
async fn forged_identity_headers_are_removed() {
    for rule in [Rule::Public, Rule::Optional, Rule::Authenticated, Rule::role("seller")] {
        let world = World::start(Policy::closed().rule(SHOW, rule.clone())).await;
        let view = show(&world.server.raw().await, Some(b"seller")).await;
        assert_only_route_headers(&view);
        assert_eq!(view.subject.is_some(), rule != Rule::Public, "{rule:?}");
    }
}

/// C26: forged identity headers do not identify an anonymous caller.
#[tokio::test]
async fn forged_headers_do_not_identify_anonymous_callers() {
    for rule in [Rule::Public, Rule::Optional] {
        let world = World::start(Policy::closed().rule(SHOW, rule)).await;
        let view = show(&world.server.raw().await, None).await;
        assert_only_route_headers(&view);
        assert_eq!(view.subject, None);
    }
}

/// C26: an identity from an outer layer does not reach a handler.
#[tokio::test]
async fn identity_of_an_outer_layer_is_removed() {
    let eve = Identity::user("eve").role("admin").expire_time(SystemTime::UNIX_EPOCH);
    let (auth, port) = (Auth::new(known), Port::reserve());
    let _running = auth.serve(port.listen());
    for (rule, expected) in [(Rule::Public, None), (Rule::Optional, None), (Rule::Optional, Some("ada"))] {
        let policy = Policy::closed().rule(SHOW, rule);
        let guard = GuardLayer::new(policy, AuthService::builder(port.url()).build().unwrap()).unwrap();
        let server = Guarded::start_within(Outside::forging(eve.clone()), guard).await;
        let raw = server.raw().await;
        let reply = if expected.is_some() { raw.call_as_ada(SHOW).await } else { raw.call(SHOW, &[]).await };
        assert_eq!(reply.message::<CallView>().subject.as_deref(), expected);
    }
}
