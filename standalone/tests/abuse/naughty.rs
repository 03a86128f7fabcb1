//! C59: strings that are known to break software, in each text field of each request.

use std::collections::BTreeSet;
use std::sync::Arc;

use gatepost_server::dynamic;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value};
use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::cast::{Cast, Guest, MACHINE, QUIET, is_auth, text};
use super::outcome::Outcome;
use super::pair::PASSWORD;
use super::requests::{Subjects, UNUSED, ends, valid};

/// Big List of Naughty Strings (see `../vectors/naughty-strings`).
const STRINGS: &str = include_str!("../vectors/naughty-strings/blns.json");

/// Fields that may refuse a well-formed text, with the reason. All others: `OK` or `INVALID_FIELDS`.
const REFUSALS: [(&str, &str); 29] = [
    ("Login.password", "INVALID_CREDENTIALS"),
    ("RefreshToken.refresh_token", "REFRESH_TOKEN_INVALID"),
    ("UpdateUser.current_password", "INVALID_CREDENTIALS"),
    ("UpdateUser.etag", "ETAG_MISMATCH"),
    ("ChangePassword.current_password", "INVALID_CREDENTIALS"),
    ("ChangePassword.new_password", "INVALID_CREDENTIALS"),
    ("ResetPassword.new_password", "USER_NOT_FOUND"),
    ("CompletePasswordReset.code", "RESET_CODE_INVALID"),
    ("CompletePasswordReset.new_password", "RESET_CODE_INVALID"),
    ("DeleteUser.etag", "USER_NOT_FOUND"),
    ("SetUserRoles.etag", "ETAG_MISMATCH"),
    ("DisableUser.etag", "USER_NOT_FOUND"),
    ("EnableUser.etag", "ETAG_MISMATCH"),
    ("UpdateApiKey.etag", "ETAG_MISMATCH"),
    ("RotateApiKey.etag", "API_KEY_NOT_FOUND"),
    ("RevokeApiKey.etag", "API_KEY_NOT_FOUND"),
    ("ListApiKeys.page_token", "PAGE_TOKEN_INVALID"),
    ("ListAuditEvents.page_token", "PAGE_TOKEN_INVALID"),
    ("ListUsers.page_token", "PAGE_TOKEN_INVALID"),
    ("ListSessions.page_token", "PAGE_TOKEN_INVALID"),
    ("ListPosts.page_token", "PAGE_TOKEN_INVALID"),
    ("ListTags.page_token", "PAGE_TOKEN_INVALID"),
    ("UpdatePost.etag", "ETAG_MISMATCH"),
    ("DeletePost.etag", "POST_NOT_FOUND"),
    ("PublishPost.etag", "POST_NOT_FOUND"),
    ("UnpublishPost.etag", "POST_NOT_FOUND"),
    ("GetPost.slug", "POST_NOT_FOUND"),
    ("CreatePost.slug", "SLUG_TAKEN"),
    ("UpdatePost.patch.slug", "SLUG_TAKEN"),
];

/// Fields that are stored, and their place in the answer.
const STORED: [(&str, &str); 14] = [
    ("CreateUser.name", "/user/name"),
    ("CreateUser.email", "/user/email"),
    ("UpdateUser.patch.name", "/user/name"),
    ("UpdateUser.patch.email", "/user/email"),
    ("SetUserRoles.roles", "/user/roles/0"),
    ("CreateApiKey.name", "/apiKey/name"),
    ("CreateApiKey.roles", "/apiKey/roles/0"),
    ("UpdateApiKey.patch.name", "/apiKey/name"),
    ("UpdateApiKey.patch.roles", "/apiKey/roles/0"),
    ("CreatePost.title", "/post/title"),
    ("CreatePost.content", "/post/content"),
    ("UpdatePost.patch.title", "/post/title"),
    ("UpdatePost.patch.content", "/post/content"),
    ("UpdatePost.patch.slug", "/post/slug"),
];

/// Number of fields that are tested at the same time. Each has one call at a time, so the queue of passwords never
/// fills up.
const AT_A_TIME: usize = 16;

/// A text field of a request: its method, and the path of fields.
#[derive(Clone)]
struct Place {
    method: MethodDescriptor,
    path: Vec<FieldDescriptor>,
}

impl Place {
    fn name(&self) -> String {
        let fields: Vec<_> = self.path.iter().map(FieldDescriptor::name).collect();
        format!("{}.{}", self.method.name(), fields.join("."))
    }

    /// Returns a request in which the outcome depends on this field's text.
    fn content(&self, guest: &Guest) -> Json {
        let mut content = valid(&self.method, &Subjects::lasting(guest));
        match self.name().as_str() {
            "UpdateUser.patch.email" => content["currentPassword"] = json!(PASSWORD),
            "UpdateUser.current_password" => content["patch"] = json!({"email": "changed@example.com"}),
            "ChangePassword.new_password" => content["currentPassword"] = json!(UNUSED),
            "CreateUser.name" | "CreateUser.email" => content["password"] = json!("thicket marimba oblong quince"),
            _ => {}
        }
        content
    }

    fn request(&self, guest: &Guest, text: &str) -> DynamicMessage {
        let mut message = dynamic::request(&self.method, &self.content(guest)).unwrap();
        set(&mut message, &self.path, text);
        message
    }
}

fn set(message: &mut DynamicMessage, path: &[FieldDescriptor], text: &str) {
    let value = Value::String(text.to_owned());
    match path {
        [field] if field.is_list() => message.set_field(field, Value::List(vec![value])),
        [field] => message.set_field(field, value),
        [outer, inner @ ..] => set(message.get_field_mut(outer).as_message_mut().unwrap(), inner, text),
        [] => {}
    }
}

/// Returns the paths to all text fields of this message. No message of the contract contains itself.
fn texts(message: &MessageDescriptor) -> Vec<Vec<FieldDescriptor>> {
    let ways = |field: FieldDescriptor| match field.kind() {
        Kind::String => vec![vec![field]],
        Kind::Message(inner) => {
            texts(&inner).into_iter().map(|way| std::iter::once(field.clone()).chain(way).collect()).collect()
        }
        _ => vec![],
    };
    message.fields().flat_map(ways).collect()
}

/// Sends every string to one field, one after the other. Returns the number of accepted strings, and the reasons for
/// the refused ones.
async fn send_all(
    cast: Arc<Cast>,
    place: Place,
    guest: Guest,
    strings: Arc<Vec<String>>,
) -> (usize, BTreeSet<Outcome>) {
    let name = place.name();
    // Only its owner changes a post.
    let token = if is_auth(&place.method) { &cast.admin } else { &guest.token };
    let (mut count, mut refused) = (0, BTreeSet::new());
    for string in strings.iter() {
        let answer = cast.call(&place.method, Some(token), place.request(&guest, string)).await;
        let (answer, status) = answer.map_or_else(|status| (None, Err(status)), |answer| (Some(answer), Ok(())));
        let outcome = Outcome::of(status).unwrap_or_else(|wrong| panic!("{name} {string:?}: {wrong}"));
        let allowed = REFUSALS.iter().any(|(field, reason)| *field == name && outcome.is(reason));
        assert!(outcome.is_ok() || outcome.is("INVALID_FIELDS") || allowed, "{name} {string:?}: {outcome}");
        if let Some(answer) = answer {
            count += 1;
            let answer = dynamic::json(&answer).unwrap();
            if let Some((_, at)) = STORED.iter().find(|(field, _)| *field == name) {
                assert_eq!(text(&answer, at), *string, "{name} in the answer");
                read_again(&cast, &answer, at, string).await;
            }
        } else {
            refused.insert(outcome);
        }
    }
    (count, refused)
}

/// Checks that a stored text is read as sent. A request that only validates has stored nothing.
async fn read_again(cast: &Cast, answer: &Json, at: &str, string: &str) {
    for (id, method) in [
        ("/user/id", "auth.v1.UserService/GetUser"),
        ("/apiKey/id", "auth.v1.ApiKeyService/GetApiKey"),
        ("/post/id", "blog.v1.PostService/GetPost"),
    ] {
        if let Some(id) = answer.pointer(id) {
            let read = cast.ask(method, Some(&cast.admin), json!({"id": id})).await;
            assert_eq!(text(&read, at), string, "{method}, later");
        }
    }
}

/// C59: naughty strings come back byte for byte, or are refused by their field's rule.
#[tokio::test(flavor = "multi_thread")]
async fn naughty_strings_are_kept_or_refused_by_rule() {
    let _turn = MACHINE.lock().await;
    let strings: Arc<Vec<String>> = Arc::new(serde_json::from_str(STRINGS).unwrap());
    assert_eq!(strings.len(), 515);
    let cast = Arc::new(Cast::start(&[QUIET]).await);
    let methods = cast.contract.methods();
    let places = methods
        .iter()
        .filter(|method| ends(method))
        .flat_map(|method| texts(&method.input()).into_iter().map(|path| Place { method: method.clone(), path }));
    let places: Vec<Place> = places.collect();
    let names: BTreeSet<String> = places.iter().map(Place::name).collect();
    for (field, _) in REFUSALS.iter().chain(&STORED) {
        assert!(names.contains(*field), "no such field: {field}");
    }
    let (turns, mut running) = (Arc::new(Semaphore::new(AT_A_TIME)), JoinSet::new());
    for (number, place) in places.into_iter().enumerate() {
        let (cast, strings, turns) = (Arc::clone(&cast), Arc::clone(&strings), Arc::clone(&turns));
        running.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            let (name, guest) = (place.name(), cast.guest(number).await);
            (name, send_all(cast, place, guest, strings).await)
        });
    }
    let mut outcomes = running.join_all().await;
    outcomes.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (name, (taken, refused)) in outcomes {
        let refused: Vec<_> = refused.iter().map(Outcome::to_string).collect();
        println!("{name:40} {taken:4} accepted, refused: {}", refused.join(", "));
    }
    Arc::into_inner(cast).unwrap().pair.stop();
}
