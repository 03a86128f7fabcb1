//! Deletes what a story that did not end well has made.

use tonic::Code;

use super::error::DemoError;
use super::judge::{reason, text};
use super::services::Services;
use super::story::{PEOPLE, Person};
use super::values::Values;

const LOGIN: &str = "gatepost.auth.v1.AuthService/Login";
const DELETE_USER: &str = "gatepost.auth.v1.UserService/DeleteUser";
const DELETE_POST: &str = "gatepost.blog.v1.PostService/DeletePost";

/// Deletes everybody and everything; whoever still has a post stays, since nobody else could delete it.
pub(super) async fn sweep(services: &Services, values: &Values) -> Result<(), DemoError> {
    let mut left = Vec::new();
    for person in PEOPLE {
        if !remove(services, values, person).await {
            left.push(values.print(person.email));
        }
    }
    if left.is_empty() { Ok(()) } else { Err(DemoError::Left(left.join(", "))) }
}

/// Whether this person is gone, with every post.
async fn remove(services: &Services, values: &Values, person: &Person) -> bool {
    for password in person.passwords {
        let request = format!(r#"{{"email":"{}","password":"{password}"}}"#, values.print(person.email));
        match services.call(LOGIN, None, &request).await {
            Ok(answer) => {
                let token = answer.json.pointer("/tokens/accessToken").map(text).unwrap_or_default();
                return remove_posts(services, values, person, &token).await
                    && services.call(DELETE_USER, Some(&token), r#"{"id":"me"}"#).await.is_ok();
            }
            Err(status) if reason(&status) == "INVALID_CREDENTIALS" => {}
            Err(_) => return false,
        }
    }
    true
}

async fn remove_posts(services: &Services, values: &Values, person: &Person, token: &str) -> bool {
    for post in person.posts.iter().filter_map(|name| values.kept(name)) {
        let deleted = services.call(DELETE_POST, Some(token), &format!(r#"{{"id":"{post}"}}"#)).await;
        if deleted.is_err_and(|status| status.code() != Code::NotFound) {
            return false;
        }
    }
    true
}
