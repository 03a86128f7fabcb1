//! Everything that the story has made is deleted by those who made it.

use tonic::Code;

use super::super::step::Step;
use super::super::step::Want::{Is, Unset};

pub(super) const STEPS: &[Step] = &[
    Step::new("Ada deletes her first post.", "gatepost.blog.v1.PostService/DeletePost")
        .token("$NEW")
        .request(r#"{"id":"$POST"}"#),
    Step::new("It is gone.", "gatepost.blog.v1.PostService/GetPost")
        .token("$NEW")
        .request(r#"{"id":"$POST"}"#)
        .refuses(Code::NotFound, "POST_NOT_FOUND", "post not found"),
    Step::new("She deletes the second one.", "gatepost.blog.v1.PostService/DeletePost")
        .token("$NEW")
        .request(r#"{"id":"$SECOND_POST"}"#),
    Step::new("She logs out.", "gatepost.auth.v1.AuthService/Logout").token("$NEW"),
    Step::new("Her token is dead.", "gatepost.auth.v1.UserService/GetMe").token("$NEW").refuses(
        Code::Unauthenticated,
        "TOKEN_REVOKED",
        "invalid token",
    ),
    Step::new("She logs in once more, with the new password.", "gatepost.auth.v1.AuthService/Login")
        .request(r#"{"email":"ada-{run}@example.com","password":"copper violin thistle harbour"}"#)
        .answers(&[("/user/id", Is("$ADA"))])
        .keeps("LAST", "/tokens/accessToken"),
    Step::new("She deletes her account.", "gatepost.auth.v1.UserService/DeleteUser")
        .token("$LAST")
        .request(r#"{"id":"me"}"#),
    Step::new("Her last token is refused everywhere, as that of nobody.", "gatepost.blog.v1.PostService/ListPosts")
        .token("$LAST")
        .refuses(Code::Unauthenticated, "USER_DELETED", "user does not exist, bad token"),
    Step::new("Her email address is free again.", "gatepost.auth.v1.UserService/CreateUser")
        .request(r#"{"name":"Ada","email":"ada-{run}@example.com","password":"orchid lantern walrus seventeen"}"#)
        .answers(&[("/user/name", Is("Ada")), ("/user/roles", Unset)])
        .keeps("AGAIN", "/tokens/accessToken"),
    Step::new("The new account goes, too.", "gatepost.auth.v1.UserService/DeleteUser")
        .token("$AGAIN")
        .request(r#"{"id":"me"}"#),
    Step::new("And so does Grace's: nothing is left behind.", "gatepost.auth.v1.UserService/DeleteUser")
        .token("$GRACE")
        .request(r#"{"id":"me"}"#),
];
