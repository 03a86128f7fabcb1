//! What a token is worth, and how it dies.

use tonic::Code;

use super::super::step::Step;
use super::super::step::Want::{Is, Set, Unset};

pub(super) const STEPS: &[Step] = &[
    Step::new(
        "What is a token worth? Any service may ask, as the blog service does on each call.",
        "gatepost.auth.v1.TokenService/VerifyToken",
    )
    .request(r#"{"token":"$TOKEN"}"#)
    .answers(&[("/state", Is("TOKEN_STATE_ACTIVE")), ("/claims/subject", Is("$ADA")), ("/ttl", Set)]),
    Step::new("No token: nothing is written.", "gatepost.blog.v1.PostService/CreatePost")
        .request(r#"{"title":"Anonymous","content":"Who was it?"}"#)
        .refuses(Code::Unauthenticated, "TOKEN_MISSING", "Authentication token not provided"),
    Step::new(
        "A token with a forged signature is refused, and not told why.",
        "gatepost.blog.v1.PostService/CreatePost",
    )
    .token("$TOKEN-forged")
    .request(r#"{"title":"Forged","content":"Who was it?"}"#)
    .refuses(Code::Unauthenticated, "TOKEN_INVALID", "invalid token"),
    Step::new(
        "Ada has lost her telephone. The token that it holds names its session.",
        "gatepost.auth.v1.TokenService/VerifyToken",
    )
    .request(r#"{"token":"$TELEPHONE"}"#)
    .answers(&[("/state", Is("TOKEN_STATE_ACTIVE"))])
    .keeps("SESSION", "/claims/sessionId"),
    Step::new("She ends that session.", "gatepost.auth.v1.SessionService/RevokeSession")
        .token("$TOKEN")
        .request(r#"{"id":"$SESSION"}"#),
    Step::new("From now on the telephone reads nothing.", "gatepost.blog.v1.PostService/GetPost")
        .token("$TELEPHONE")
        .request(r#"{"id":"$POST"}"#)
        .refuses(Code::Unauthenticated, "TOKEN_REVOKED", "invalid token"),
    Step::new("Its token is still well signed, and worth nothing.", "gatepost.auth.v1.TokenService/VerifyToken")
        .request(r#"{"token":"$TELEPHONE"}"#)
        .answers(&[("/state", Is("TOKEN_STATE_REVOKED")), ("/claims", Unset)]),
    Step::new(
        "She changes her password, which ends every session and begins a new one.",
        "gatepost.auth.v1.UserService/ChangePassword",
    )
    .token("$TOKEN")
    .request(r#"{"currentPassword":"orchid lantern walrus seventeen","newPassword":"copper violin thistle harbour"}"#)
    .keeps("NEW", "/tokens/accessToken"),
    Step::new("All older tokens are dead.", "gatepost.blog.v1.PostService/GetPost")
        .token("$TOKEN")
        .request(r#"{"id":"$POST"}"#)
        .refuses(Code::Unauthenticated, "TOKEN_REVOKED", "invalid token"),
    Step::new("The new one works.", "gatepost.blog.v1.PostService/GetPost")
        .token("$NEW")
        .request(r#"{"id":"$POST"}"#)
        .answers(&[("/post/title", Is("Hello, world"))]),
    Step::new("The old password is no longer hers.", "gatepost.auth.v1.AuthService/Login")
        .request(r#"{"email":"ada-{run}@example.com","password":"orchid lantern walrus seventeen"}"#)
        .refuses(Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials"),
    Step::new("She logs in on a new telephone, which keeps the refresh token.", "gatepost.auth.v1.AuthService/Login")
        .request(r#"{"email":"ada-{run}@example.com","password":"copper violin thistle harbour"}"#)
        .keeps("REFRESH", "/tokens/refreshToken"),
    Step::new("It changes it for new tokens, without a password.", "gatepost.auth.v1.AuthService/RefreshToken")
        .request(r#"{"refreshToken":"$REFRESH"}"#)
        .answers(&[("/tokens/accessToken", Set)])
        .keeps("NEXT", "/tokens/refreshToken"),
    Step::new("And the next one, when its time comes.", "gatepost.auth.v1.AuthService/RefreshToken")
        .request(r#"{"refreshToken":"$NEXT"}"#)
        .keeps("LAST", "/tokens/refreshToken"),
    Step::new(
        "Somebody has copied the first one: it was used before, and the session ends.",
        "gatepost.auth.v1.AuthService/RefreshToken",
    )
    .request(r#"{"refreshToken":"$REFRESH"}"#)
    .refuses(Code::Unauthenticated, "REFRESH_TOKEN_REUSED", "log in again"),
    Step::new("For whoever holds the last one, too.", "gatepost.auth.v1.AuthService/RefreshToken")
        .request(r#"{"refreshToken":"$LAST"}"#)
        .refuses(Code::Unauthenticated, "REFRESH_TOKEN_INVALID", "log in again"),
];
