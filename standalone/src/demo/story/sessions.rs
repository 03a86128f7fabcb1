//! Validity and revocation of tokens, and refresh tokens.

use tonic::Code;

use super::super::step::DemoStep;
use super::super::step::Want::{Is, Set, Unset};

pub(super) const STEPS: &[DemoStep] = &[
    DemoStep::new(
        "Any service can verify a token, as the blog service does.",
        "gatepost.auth.v1.TokenService/VerifyToken",
    )
    .request(r#"{"token":"$TOKEN"}"#)
    .answers(&[("/state", Is("TOKEN_STATE_ACTIVE")), ("/claims/subject", Is("$ADA")), ("/ttl", Set)]),
    DemoStep::new("No token: nothing is written.", "gatepost.blog.v1.PostService/CreatePost")
        .request(r#"{"title":"Anonymous","content":"Who was it?"}"#)
        .refuses(Code::Unauthenticated, "TOKEN_MISSING", "Authentication token not provided"),
    DemoStep::new(
        "A token with a forged signature is refused, without the reason.",
        "gatepost.blog.v1.PostService/CreatePost",
    )
    .token("$TOKEN-forged")
    .request(r#"{"title":"Forged","content":"Who was it?"}"#)
    .refuses(Code::Unauthenticated, "TOKEN_INVALID", "invalid token"),
    DemoStep::new(
        "Ada has lost her telephone. The token on it names its session.",
        "gatepost.auth.v1.TokenService/VerifyToken",
    )
    .request(r#"{"token":"$TELEPHONE"}"#)
    .answers(&[("/state", Is("TOKEN_STATE_ACTIVE"))])
    .keeps("SESSION", "/claims/sessionId"),
    DemoStep::new("She ends that session.", "gatepost.auth.v1.SessionService/RevokeSession")
        .token("$TOKEN")
        .request(r#"{"id":"$SESSION"}"#),
    DemoStep::new("The telephone can no longer read posts.", "gatepost.blog.v1.PostService/GetPost")
        .token("$TELEPHONE")
        .request(r#"{"id":"$POST"}"#)
        .refuses(Code::Unauthenticated, "TOKEN_REVOKED", "invalid token"),
    DemoStep::new(
        "Its token still has a valid signature, but it is revoked.",
        "gatepost.auth.v1.TokenService/VerifyToken",
    )
    .request(r#"{"token":"$TELEPHONE"}"#)
    .answers(&[("/state", Is("TOKEN_STATE_REVOKED")), ("/claims", Unset)]),
    DemoStep::new(
        "She changes her password, which ends all sessions and begins a new one.",
        "gatepost.auth.v1.UserService/ChangePassword",
    )
    .token("$TOKEN")
    .request(r#"{"currentPassword":"orchid lantern walrus seventeen","newPassword":"copper violin thistle harbour"}"#)
    .keeps("NEW", "/tokens/accessToken"),
    DemoStep::new("All older tokens are revoked.", "gatepost.blog.v1.PostService/GetPost")
        .token("$TOKEN")
        .request(r#"{"id":"$POST"}"#)
        .refuses(Code::Unauthenticated, "TOKEN_REVOKED", "invalid token"),
    DemoStep::new("The new one works.", "gatepost.blog.v1.PostService/GetPost")
        .token("$NEW")
        .request(r#"{"id":"$POST"}"#)
        .answers(&[("/post/title", Is("Hello, world"))]),
    DemoStep::new("The old password is refused.", "gatepost.auth.v1.AuthService/Login")
        .request(r#"{"email":"ada-{run}@example.com","password":"orchid lantern walrus seventeen"}"#)
        .refuses(Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials"),
    DemoStep::new(
        "She logs in on a new telephone, which keeps the refresh token.",
        "gatepost.auth.v1.AuthService/Login",
    )
    .request(r#"{"email":"ada-{run}@example.com","password":"copper violin thistle harbour"}"#)
    .keeps("REFRESH", "/tokens/refreshToken"),
    DemoStep::new(
        "It exchanges the refresh token for new tokens, without a password.",
        "gatepost.auth.v1.AuthService/RefreshToken",
    )
    .request(r#"{"refreshToken":"$REFRESH"}"#)
    .answers(&[("/tokens/accessToken", Set)])
    .keeps("NEXT", "/tokens/refreshToken"),
    DemoStep::new("Later it exchanges the next refresh token.", "gatepost.auth.v1.AuthService/RefreshToken")
        .request(r#"{"refreshToken":"$NEXT"}"#)
        .keeps("LAST", "/tokens/refreshToken"),
    DemoStep::new(
        "A copy of the first refresh token is used again, so the session ends.",
        "gatepost.auth.v1.AuthService/RefreshToken",
    )
    .request(r#"{"refreshToken":"$REFRESH"}"#)
    .refuses(Code::Unauthenticated, "REFRESH_TOKEN_REUSED", "log in again"),
    DemoStep::new("The last refresh token has ended with the session.", "gatepost.auth.v1.AuthService/RefreshToken")
        .request(r#"{"refreshToken":"$LAST"}"#)
        .refuses(Code::Unauthenticated, "REFRESH_TOKEN_INVALID", "log in again"),
];
