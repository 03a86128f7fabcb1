//! Nonsensical answers of the auth service: no admission, no blame on the token, no leak to the caller.

use gatepost::Policy;
use gatepost::api::auth::v1::{SubjectKind, TokenClaims, TokenState, VerifyTokenResponse};
use prost_types::Timestamp;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::support::{Answer, Auth, CHECK, Refused, SHOW, World, active, claims, state};

/// The text in each message and metadata value of the auth service.
const CANARY: &str = "canary-secret";

/// Checks that two calls fail with `AUTH_UNAVAILABLE`. Nonsense is not retried.
async fn unavailable(answer: impl Fn() -> Answer + Send + Sync + 'static) {
    // Only UNAVAILABLE is retried.
    let attempts = if answer().is_err_and(|status| status.code() == Code::Unavailable) { 3 } else { 1 };
    let world = World::with(Policy::closed().with_health(), Auth::new(move |_| answer())).await;
    let raw = world.server.raw().await;
    for _ in 0..2 {
        let reply = raw.call_as_ada(SHOW).await;
        let status = reply.status();
        Refused::AUTH_UNAVAILABLE.is(&status);
        let details = String::from_utf8_lossy(status.details()).into_owned();
        assert!(!format!("{reply:?}{details}").contains("canary"), "{reply:?}");
    }
    assert_eq!(raw.call(CHECK, &[]).await.status().code(), Code::Ok);
    assert_eq!(world.server.inside.paths(), [CHECK]);
    assert_eq!(world.auth.count(), 2 * attempts);
}

/// C24: a token state that the guard does not know gives no introspection.
#[tokio::test]
async fn unknown_state_is_no_answer() {
    for number in [0, 7, -1, i32::MAX] {
        unavailable(move || Ok(state(number))).await;
        unavailable(move || Ok(VerifyTokenResponse { state: number, ..active(claims()) })).await;
    }
}

/// C24: an active token without a subject gives no introspection.
#[tokio::test]
async fn active_without_a_subject_is_no_answer() {
    unavailable(|| Ok(state(TokenState::Active))).await;
    unavailable(|| Ok(active(TokenClaims::default()))).await;
    unavailable(|| Ok(active(TokenClaims { subject: String::new(), ..claims() }))).await;
    for kind in [SubjectKind::Unspecified.into(), 3, -1] {
        unavailable(move || Ok(active(TokenClaims { subject_kind: kind, ..claims() }))).await;
    }
}

/// C24: an active user token without a valid expiry gives no introspection.
#[tokio::test]
async fn active_user_without_valid_expiry_is_no_answer() {
    unavailable(|| Ok(active(TokenClaims { expire_time: None, ..claims() }))).await;
    let year_10000 = 253_402_300_800;
    for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (year_10000, 0), (-1, 0), (1, -1), (1, 1_000_000_000)] {
        let expire_time = Some(Timestamp { seconds, nanos });
        unavailable(move || Ok(active(TokenClaims { expire_time, ..claims() }))).await;
    }
}

/// C24: a status of the auth service gives no introspection and does not reach the caller.
#[tokio::test]
async fn error_status_is_no_answer_and_is_not_passed_on() {
    for code in [
        Code::Unauthenticated,
        Code::PermissionDenied,
        Code::Internal,
        Code::Unknown,
        Code::NotFound,
        Code::Unimplemented,
        Code::Unavailable,
        Code::ResourceExhausted,
        Code::DeadlineExceeded,
        Code::Cancelled,
    ] {
        unavailable(move || {
            let mut metadata = MetadataMap::new();
            metadata.insert("x-secret", CANARY.parse().unwrap());
            metadata.insert_bin("x-secret-bin", MetadataValue::from_bytes(CANARY.as_bytes()));
            Err(Status::with_details_and_metadata(code, CANARY, CANARY.into(), metadata))
        })
        .await;
    }
}
