//! Users delete their posts and accounts.

use tonic::Code;

use super::super::step::DemoStep;
use super::super::step::Want::{Is, Unset};

pub(super) const STEPS: &[DemoStep] = &[
    DemoStep::new("Ada deletes her first post.", "gatepost.blog.v1.PostService/DeletePost")
        .token("$NEW")
        .request(r#"{"id":"$POST"}"#),
    DemoStep::new("It is gone.", "gatepost.blog.v1.PostService/GetPost")
        .token("$NEW")
        .request(r#"{"id":"$POST"}"#)
        .refuses(Code::NotFound, "POST_NOT_FOUND", "post not found"),
    DemoStep::new("She deletes the second one.", "gatepost.blog.v1.PostService/DeletePost")
        .token("$NEW")
        .request(r#"{"id":"$SECOND_POST"}"#),
    DemoStep::new("She logs out.", "gatepost.auth.v1.AuthService/Logout").token("$NEW"),
    DemoStep::new("Her token is revoked.", "gatepost.auth.v1.UserService/GetMe").token("$NEW").refuses(
        Code::Unauthenticated,
        "TOKEN_REVOKED",
        "invalid token",
    ),
    DemoStep::new("She logs in once more, with the new password.", "gatepost.auth.v1.AuthService/Login")
        .request(r#"{"email":"ada-{run}@example.com","password":"copper violin thistle harbour"}"#)
        .answers(&[("/user/id", Is("$ADA"))])
        .keeps("LAST", "/tokens/accessToken"),
    DemoStep::new("She deletes her account.", "gatepost.auth.v1.UserService/DeleteUser")
        .token("$LAST")
        .request(r#"{"id":"me"}"#),
    DemoStep::new(
        "Her last token is refused everywhere: its user does not exist.",
        "gatepost.blog.v1.PostService/ListPosts",
    )
    .token("$LAST")
    .refuses(Code::Unauthenticated, "USER_DELETED", "user does not exist, bad token"),
    DemoStep::new("Her email address is free again.", "gatepost.auth.v1.UserService/CreateUser")
        .request(r#"{"name":"Ada","email":"ada-{run}@example.com","password":"orchid lantern walrus seventeen"}"#)
        .answers(&[("/user/name", Is("Ada")), ("/user/roles", Unset)])
        .keeps("AGAIN", "/tokens/accessToken"),
    DemoStep::new("The new account goes, too.", "gatepost.auth.v1.UserService/DeleteUser")
        .token("$AGAIN")
        .request(r#"{"id":"me"}"#),
    DemoStep::new("Grace deletes her account: no data of the demo is left.", "gatepost.auth.v1.UserService/DeleteUser")
        .token("$GRACE")
        .request(r#"{"id":"me"}"#),
];
