//! An auth service that answers nonsense lets nobody in, blames no token, and leaks nothing to the caller.

use gatepost::Policy;
use gatepost::api::auth::v1::{SubjectKind, TokenClaims, TokenState, VerifyTokenResponse};
use prost_types::Timestamp;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::support::{Answer, Auth, CHECK, Refused, TELL, World, active, claims, state};

/// Whatever the auth service says, in words or metadata, says this.
const CANARY: &str = "canary-secret";

/// Two calls are refused; what makes no sense is asked for once.
async fn unavailable(answer: impl Fn() -> Answer + Send + Sync + 'static) {
    // UNAVAILABLE alone says that another attempt may succeed.
    let attempts = if answer().is_err_and(|status| status.code() == Code::Unavailable) { 3 } else { 1 };
    let world = World::with(Policy::closed().with_health(), Auth::new(move |_| answer())).await;
    let raw = world.server.raw().await;
    for _ in 0..2 {
        let reply = raw.call_as_ada(TELL).await;
        let status = reply.status();
        Refused::AUTH_UNAVAILABLE.is(&status);
        let details = String::from_utf8_lossy(status.details()).into_owned();
        assert!(!format!("{reply:?}{details}").contains("canary"), "{reply:?}");
    }
    assert_eq!(raw.call(CHECK, &[]).await.status().code(), Code::Ok);
    assert_eq!(world.server.inside.paths(), [CHECK]);
    assert_eq!(world.auth.count(), 2 * attempts);
}

#[tokio::test]
async fn c24_a_state_that_the_guard_does_not_know_is_no_answer() {
    for number in [0, 7, -1, i32::MAX] {
        unavailable(move || Ok(state(number))).await;
        unavailable(move || Ok(VerifyTokenResponse { state: number, ..active(claims()) })).await;
    }
}

#[tokio::test]
async fn c24_active_with_claims_that_name_nobody_is_no_answer() {
    unavailable(|| Ok(state(TokenState::Active))).await;
    unavailable(|| Ok(active(TokenClaims::default()))).await;
    unavailable(|| Ok(active(TokenClaims { subject: String::new(), ..claims() }))).await;
    for kind in [SubjectKind::Unspecified.into(), 3, -1] {
        unavailable(move || Ok(active(TokenClaims { subject_kind: kind, ..claims() }))).await;
    }
}

#[tokio::test]
async fn c24_active_for_a_user_without_a_sensible_expiry_is_no_answer() {
    unavailable(|| Ok(active(TokenClaims { expire_time: None, ..claims() }))).await;
    let year_10000 = 253_402_300_800;
    for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (year_10000, 0), (-1, 0), (1, -1), (1, 1_000_000_000)] {
        let expire_time = Some(Timestamp { seconds, nanos });
        unavailable(move || Ok(active(TokenClaims { expire_time, ..claims() }))).await;
    }
}

#[tokio::test]
async fn c24_a_status_of_the_auth_service_is_no_answer_and_stays_with_the_guard() {
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
