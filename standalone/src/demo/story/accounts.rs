//! Users register, log in, and see the allowed fields of each other.

use tonic::Code;

use super::super::step::DemoStep;
use super::super::step::Want::{Is, Set, Unset};

pub(super) const STEPS: &[DemoStep] = &[
    DemoStep::new(
        "A password that is too short is refused, and the answer names the field.",
        "gatepost.auth.v1.UserService/CreateUser",
    )
    .request(r#"{"name":"Ada","email":"ada-{run}@example.com","password":"short"}"#)
    .refuses(Code::InvalidArgument, "INVALID_FIELDS", "password:"),
    DemoStep::new(
        "Ada registers, which logs her in: the answer has her token.",
        "gatepost.auth.v1.UserService/CreateUser",
    )
    .request(r#"{"name":"Ada","email":"ada-{run}@example.com","password":"orchid lantern walrus seventeen"}"#)
    .answers(&[
        ("/user/name", Is("Ada")),
        ("/user/email", Is("ada-{run}@example.com")),
        ("/user/state", Is("USER_STATE_ACTIVE")),
    ])
    .keeps("TOKEN", "/tokens/accessToken"),
    DemoStep::new("The token says who calls.", "gatepost.auth.v1.UserService/GetMe")
        .token("$TOKEN")
        .answers(&[("/user/name", Is("Ada")), ("/user/email", Is("ada-{run}@example.com"))])
        .keeps("ADA", "/user/id"),
    DemoStep::new(
        "Another user cannot take her email address, not even in capitals.",
        "gatepost.auth.v1.UserService/CreateUser",
    )
    .request(r#"{"name":"Eve","email":"ADA-{run}@EXAMPLE.COM","password":"orchid lantern walrus seventeen"}"#)
    .refuses(Code::AlreadyExists, "EMAIL_TAKEN", "email address"),
    DemoStep::new("A wrong password is refused.", "gatepost.auth.v1.AuthService/Login")
        .request(r#"{"email":"ada-{run}@example.com","password":"not her password"}"#)
        .refuses(Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials"),
    DemoStep::new(
        "The right one logs her in a second time, as if from her telephone.",
        "gatepost.auth.v1.AuthService/Login",
    )
    .request(r#"{"email":"ada-{run}@example.com","password":"orchid lantern walrus seventeen"}"#)
    .answers(&[("/user/id", Is("$ADA"))])
    .keeps("TELEPHONE", "/tokens/accessToken"),
    DemoStep::new(
        "She has two sessions now, the newest first; the one that asks is marked.",
        "gatepost.auth.v1.SessionService/ListSessions",
    )
    .token("$TOKEN")
    .answers(&[("/sessions/0/current", Unset), ("/sessions/1/current", Is("true")), ("/sessions/2", Unset)]),
    DemoStep::new("Grace registers, too.", "gatepost.auth.v1.UserService/CreateUser")
        .request(r#"{"name":"Grace","email":"grace-{run}@example.com","password":"marble teapot comet sandal"}"#)
        .answers(&[("/user/name", Is("Grace"))])
        .keeps("GRACE", "/tokens/accessToken"),
    DemoStep::new("Grace sees who Ada is, but not her email address.", "gatepost.auth.v1.UserService/GetUser")
        .token("$GRACE")
        .request(r#"{"id":"$ADA"}"#)
        .answers(&[("/user/name", Is("Ada")), ("/user/email", Unset), ("/user/createTime", Set)]),
    DemoStep::new(
        "Grace cannot make herself an admin: only an admin gives roles.",
        "gatepost.auth.v1.UserService/SetUserRoles",
    )
    .token("$GRACE")
    .request(r#"{"id":"me","roles":["admin"]}"#)
    .refuses(Code::PermissionDenied, "NOT_ALLOWED", "permission denied"),
];
