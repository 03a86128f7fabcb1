//! The fake auth service's introspections.

use gatepost::api::auth::v1::{SubjectKind, TokenClaims, TokenState, VerifyTokenResponse};
use prost_types::Timestamp;
use tonic::Status;

/// A response to `VerifyToken`.
pub(crate) type Answer = Result<VerifyTokenResponse, Status>;

/// Returns the claims of a user's token for the audience `gatepost`.
pub(crate) fn claims() -> TokenClaims {
    TokenClaims {
        subject: "ada".into(),
        subject_kind: SubjectKind::User.into(),
        session_id: "session-1".into(),
        expire_time: Some(Timestamp { seconds: 4_102_444_800, nanos: 0 }),
        audience: "gatepost".into(),
        ..TokenClaims::default()
    }
}

/// Returns the response for a valid token with these claims.
pub(crate) fn active(claims: TokenClaims) -> VerifyTokenResponse {
    VerifyTokenResponse { state: TokenState::Active.into(), claims: Some(claims), ..VerifyTokenResponse::default() }
}

/// Returns a response with only a state. The number may be unknown to the contract.
pub(crate) fn state(state: impl Into<i32>) -> VerifyTokenResponse {
    VerifyTokenResponse { state: state.into(), ..VerifyTokenResponse::default() }
}

/// Returns the response that the token's text names. `good` is a user's token; unknown texts are INVALID.
pub(crate) fn known(token: &str) -> Answer {
    Ok(match token {
        "good" => active(claims()),
        "seller" => active(TokenClaims { roles: vec!["buyer".into(), "seller".into()], ..claims() }),
        "elsewhere" => active(TokenClaims { audience: "another".into(), ..claims() }),
        "nowhere" => active(TokenClaims { audience: String::new(), ..claims() }),
        "service" => active(TokenClaims {
            subject: "blog-service".into(),
            subject_kind: SubjectKind::Service.into(),
            session_id: String::new(),
            expire_time: None,
            ..claims()
        }),
        "expired" => state(TokenState::Expired),
        "revoked" => state(TokenState::Revoked),
        "deleted" => state(TokenState::UserDeleted),
        "disabled" => state(TokenState::UserDisabled),
        "unsayable" => return Err(Status::internal("no answer")),
        _ => state(TokenState::Invalid),
    })
}
