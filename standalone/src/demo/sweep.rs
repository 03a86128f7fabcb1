//! Deletes the data of a demo that was stopped or failed.

use tonic::Code;

use super::compare::{reason, text};
use super::error::DemoError;
use super::services::DemoServices;
use super::story::{PEOPLE, Person};
use super::values::Values;

const LOGIN_METHOD: &str = "gatepost.auth.v1.AuthService/Login";
const DELETE_USER_METHOD: &str = "gatepost.auth.v1.UserService/DeleteUser";
const DELETE_POST_METHOD: &str = "gatepost.blog.v1.PostService/DeletePost";

/// Deletes all posts and users of the demo. A user with a remaining post stays, because only the user can delete the
/// post.
pub(super) async fn sweep(services: &DemoServices, values: &Values) -> Result<(), DemoError> {
    let mut left = Vec::new();
    for person in PEOPLE {
        if !remove(services, values, person).await {
            left.push(values.print(person.email));
        }
    }
    if left.is_empty() { Ok(()) } else { Err(DemoError::Left(left.join(", "))) }
}

/// Deletes a person with all posts; returns true if none of them is left.
async fn remove(services: &DemoServices, values: &Values, person: &Person) -> bool {
    for password in person.passwords {
        let request = format!(r#"{{"email":"{}","password":"{password}"}}"#, values.print(person.email));
        match services.call(LOGIN_METHOD, None, &request).await {
            Ok(answer) => {
                let token = answer.json.pointer("/tokens/accessToken").map(text).unwrap_or_default();
                return remove_posts(services, values, person, &token).await
                    && services.call(DELETE_USER_METHOD, Some(&token), r#"{"id":"me"}"#).await.is_ok();
            }
            Err(status) if reason(&status) == "INVALID_CREDENTIALS" => {}
            Err(_) => return false,
        }
    }
    true
}

async fn remove_posts(services: &DemoServices, values: &Values, person: &Person, token: &str) -> bool {
    for post in person.posts.iter().filter_map(|name| values.kept(name)) {
        let deleted = services.call(DELETE_POST_METHOD, Some(token), &format!(r#"{{"id":"{post}"}}"#)).await;
        if deleted.is_err_and(|status| status.code() != Code::NotFound) {
            return false;
        }
    }
    true
}
