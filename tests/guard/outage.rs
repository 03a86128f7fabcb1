//! Outages of the auth service: the guard refuses, keeps public methods open, and recovers.

use gatepost::{AuthService, GuardLayer, Policy};
use tonic::Code;

use crate::support::{Auth, CHECK, CallView, Guarded, Port, Refused, SHOW, World, known};

async fn guarded(port: &Port) -> Guarded {
    let verifier = AuthService::builder(port.url()).build().unwrap();
    Guarded::start(GuardLayer::new(Policy::closed().with_health(), verifier).unwrap().audience("gatepost")).await
}

/// C24: a guard without an auth service refuses calls until the service starts.
#[tokio::test]
async fn calls_are_unavailable_until_auth_starts() {
    let port = Port::reserve();
    let server = guarded(&port).await;
    let raw = server.raw().await;
    for token in ["good", "good", "forged"] {
        Refused::AUTH_UNAVAILABLE.is(&raw.call(SHOW, &[("api-token", token.as_bytes())]).await.status());
    }
    Refused::TOKEN_MISSING.is(&raw.call(SHOW, &[]).await.status());
    assert_eq!(raw.call(CHECK, &[]).await.status().code(), Code::Ok);
    assert_eq!(server.inside.paths(), [CHECK]);

    let _running = Auth::new(known).serve(port.listen());
    assert_eq!(raw.call_as_ada(SHOW).await.message::<CallView>().subject.as_deref(), Some("ada"));
}

/// C24: a guard reconnects to an auth service that restarts on its port.
#[tokio::test]
async fn restarted_auth_service_is_asked_again() {
    let (port, auth) = (Port::reserve(), Auth::new(known));
    let server = guarded(&port).await;
    let raw = server.raw().await;
    for _ in 0..3 {
        let running = auth.serve(port.listen());
        assert_eq!(raw.call_as_ada(SHOW).await.status().code(), Code::Ok);
        running.stop().await;
        Refused::AUTH_UNAVAILABLE.is(&raw.call_as_ada(SHOW).await.status());
        assert_eq!(raw.call(CHECK, &[]).await.status().code(), Code::Ok);
    }
    assert_eq!(auth.count(), 3);
}

/// C24: a peer that accepts connections and sends nothing gives no introspection.
#[tokio::test]
async fn silent_listener_makes_calls_unavailable() {
    let port = Port::reserve();
    let _mute = port.listen();
    let server = guarded(&port).await;
    let raw = server.raw().await;
    let (guarded, public) = tokio::join!(raw.call_as_ada(SHOW), raw.call(CHECK, &[]));
    Refused::AUTH_UNAVAILABLE.is(&guarded.status());
    assert_eq!(public.status().code(), Code::Ok);
    assert_eq!(server.inside.paths(), [CHECK]);
}

/// C24: an answer after the deadline admits no call.
#[tokio::test]
async fn late_answer_admits_no_call() {
    let world = World::start(Policy::closed().with_health()).await;
    let raw = world.server.raw().await;
    world.auth.fall_silent();
    Refused::AUTH_UNAVAILABLE.is(&raw.call_as_ada(SHOW).await.status());
    assert_eq!(world.auth.count(), 1);

    world.auth.resume_answers();
    assert_eq!(world.server.inside.paths(), [""; 0]);
    assert_eq!(raw.call_as_ada(SHOW).await.status().code(), Code::Ok);
    assert_eq!(world.auth.count(), 2, "the late answer is not kept");
}
