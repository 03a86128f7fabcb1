//! What the fake auth service says of a token.

use gatepost::api::auth::v1::{SubjectKind, TokenClaims, TokenState, VerifyTokenResponse};
use prost_types::Timestamp;
use tonic::Status;

/// An answer to `VerifyToken`.
pub(crate) type Answer = Result<VerifyTokenResponse, Status>;

/// The claims of a user's token for the audience `gatepost`.
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

/// The token is good, and this is what it says.
pub(crate) fn active(claims: TokenClaims) -> VerifyTokenResponse {
    VerifyTokenResponse { state: TokenState::Active.into(), claims: Some(claims), ..VerifyTokenResponse::default() }
}

/// The token's state and nothing else; a number that the contract does not know is possible.
pub(crate) fn state(state: impl Into<i32>) -> VerifyTokenResponse {
    VerifyTokenResponse { state: state.into(), ..VerifyTokenResponse::default() }
}

/// The token's own text decides; `good` is a user's, and a text that is not named here is INVALID.
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
        "unsayable" => return Err(Status::internal("cannot say")),
        _ => state(TokenState::Invalid),
    })
}
