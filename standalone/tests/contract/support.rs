//! A running pair with its first admin, and users for calls.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use gatepost_server::dynamic::{self, Contract};
use prost::Message as _;
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::pair::{Pair, folder};
use super::raw;

pub(crate) use super::pair::PASSWORD;

pub(crate) const NEW_PASSWORD: &str = "granite otter vinegar compass 41 mosaic";
pub(crate) const SERVICE_KEY: &str = "s-27c9e1f05ab84d36c8e2f7190b5d3a64";

/// Number of attempts before a call counts as unavailable: each waits in the service for a connection to the database.
const ATTEMPTS: u32 = 10;
const ROOT_EMAIL: &str = "root@example.com";

pub(crate) const CREATE_USER: &str = "gatepost.auth.v1.UserService/CreateUser";
pub(crate) const DELETE_USER: &str = "gatepost.auth.v1.UserService/DeleteUser";
pub(crate) const GET_ME: &str = "gatepost.auth.v1.UserService/GetMe";
pub(crate) const LOGIN: &str = "gatepost.auth.v1.AuthService/Login";
pub(crate) const CREATE_POST: &str = "gatepost.blog.v1.PostService/CreatePost";
pub(crate) const GET_POST: &str = "gatepost.blog.v1.PostService/GetPost";
pub(crate) const LIST_POSTS: &str = "gatepost.blog.v1.PostService/ListPosts";

/// Both services, and the clients of a test.
pub(crate) struct World {
    pub(crate) contract: Contract,
    auth: Channel,
    blog: Channel,
    /// A token of the first admin.
    pub(crate) root: String,
    users: AtomicU32,
    pair: Pair,
    folder: TempDir,
}

/// A user with the tokens of its sessions, the newest last.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) tokens: Vec<String>,
}

impl Person {
    /// Returns the token of the newest session.
    pub(crate) fn token(&self) -> &str {
        self.tokens.last().unwrap()
    }
}

impl World {
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let folder = folder();
        let mut all = vec![
            ("AUTH_ADMIN_EMAIL", ROOT_EMAIL),
            ("AUTH_ADMIN_PASSWORD", PASSWORD),
            ("AUTH_SERVICE_KEY", SERVICE_KEY),
            // All of these users come from one address, at once.
            ("AUTH_SIGN_UPS", "0"),
            ("AUTH_ADDRESS_FAILURES", "0"),
            ("AUTH_FREE_FAILURES", "0"),
        ];
        all.extend_from_slice(settings);
        let pair = Pair::start(folder.path(), &all);
        let channel = |address| Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        let (auth, blog) = (channel(&pair.auth), channel(&pair.blog));
        let (contract, users) =
            (Contract::new(&[gatepost::api::DESCRIPTOR_SET, blog_service::api::DESCRIPTOR_SET]), AtomicU32::new(0));
        let mut world = Self { contract, auth, blog, root: String::new(), users, pair, folder };
        world.root = world.login(ROOT_EMAIL, PASSWORD).await.unwrap();
        world
    }

    /// Calls a unary method by its name.
    pub(crate) async fn call(&self, method: &str, token: Option<&str>, request: Value) -> Result<Value, Status> {
        let found = self.contract.method(method).unwrap_or_else(|| panic!("no such method: {method}"));
        let request = dynamic::request(&found, &request).unwrap_or_else(|error| panic!("{method}: {error}"));
        let answer = self.raw(method, token, request.encode_to_vec()).await?;
        Ok(dynamic::json(&DynamicMessage::decode(found.output(), &answer[..]).unwrap()).unwrap())
    }

    /// Calls a unary method by its name with the bytes of a message, and returns bytes. Repeats the call, as a client
    /// should, if the disk of a busy machine has delayed the service too long.
    pub(crate) async fn raw(&self, method: &str, token: Option<&str>, message: Vec<u8>) -> Result<Vec<u8>, Status> {
        let (channel, path) = (self.channel(method), format!("/{method}"));
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            match raw::call(channel, &path, token, message.clone()).await {
                Err(status) if status.code() == Code::Unavailable && left > 0 => {}
                outcome => return outcome,
            }
        }
    }

    /// Creates a user with one session.
    pub(crate) async fn person(&self) -> Person {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let email = format!("user-{number}@example.com");
        let request = json!({"name": format!("User {number}"), "email": email, "password": PASSWORD});
        let answer = self.call(CREATE_USER, Some(&self.root), request).await.unwrap();
        let token = match text(&answer, "/tokens/accessToken") {
            "" => self.login(&email, PASSWORD).await.unwrap(),
            token => token.to_owned(),
        };
        Person { id: text(&answer, "/user/id").to_owned(), email, tokens: vec![token] }
    }

    /// Starts a new session and returns its token.
    pub(crate) async fn login(&self, email: &str, password: &str) -> Result<String, Status> {
        let answer = self.call(LOGIN, None, json!({"email": email, "password": password})).await?;
        Ok(text(&answer, "/tokens/accessToken").to_owned())
    }

    /// Creates a post of this user.
    pub(crate) async fn post(&self, owner: &Person) -> Value {
        let request = json!({"title": "Hello", "content": "First post."});
        self.call(CREATE_POST, Some(owner.token()), request).await.unwrap()["post"].take()
    }

    /// Creates a draft of this user.
    pub(crate) async fn draft(&self, owner: &Person) -> Value {
        let request = json!({"title": "Draft", "content": "First post.", "draft": true});
        self.call(CREATE_POST, Some(owner.token()), request).await.unwrap()["post"].take()
    }

    /// Returns the folder of the pair's files.
    pub(crate) fn files(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn stop(self) {
        self.pair.stop();
    }

    fn channel(&self, method: &str) -> &Channel {
        if method.starts_with("gatepost.blog.") { &self.blog } else { &self.auth }
    }
}

/// Returns the text at a JSON pointer; empty if it is absent, as on the wire.
pub(crate) fn text<'a>(answer: &'a Value, pointer: &str) -> &'a str {
    answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn with_token<T>(message: T, token: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("api-token", token.parse().unwrap());
    }
    request
}

/// Formats a status: code, domain, reason and message.
pub(crate) fn said(status: &Status) -> String {
    let info = status.get_details_error_info();
    let (domain, reason) = info.map(|info| (info.domain, info.reason)).unwrap_or_default();
    format!("{:?} {domain} {reason}: {}", status.code(), status.message())
}
