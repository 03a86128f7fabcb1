//! Callers: an admin, guests with expendable accounts, and a service, each with a good token.

use gatepost_server::dynamic::{self, Contract};
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::outcome::{PATIENCE, is_for_later};
use super::pair::{PASSWORD, Pair, folder};

/// Service key of the calling service.
pub(super) const SERVICE_KEY: &str = "thicket-marimba-oblong-quince-42";

/// Email address of the admin.
pub(super) const ADMIN: &str = "root@example.com";

/// Log level for a pair under heavy load: everything except the HTTP/2 frames, which are most of a trace and the same
/// for every call.
pub(super) const QUIET: (&str, &str) = ("RUST_LOG", "trace,h2=info");

/// A pair with its admin. The pair stops before its folder is deleted.
pub(super) struct Cast {
    pub(super) pair: Pair,
    pub(super) contract: Contract,
    /// Token of the admin.
    pub(super) admin: String,
    auth: Channel,
    blog: Channel,
    _folder: TempDir,
}

/// A user with data that a test may change or delete.
#[derive(Clone, Default)]
pub(super) struct Guest {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) token: String,
    pub(super) session: String,
    pub(super) api_key: String,
    pub(super) post: String,
}

/// Lock of a test that loads the whole machine. The hashing threads have low priority, so two such tests at once would
/// starve each other's logins.
pub(super) static MACHINE: Mutex<()> = Mutex::const_new(());

impl Cast {
    /// Starts the pair with the settings that the callers need, and with `settings`.
    pub(super) async fn start(settings: &[(&str, &str)]) -> Self {
        let folder = folder();
        let cast = [
            ("AUTH_ADMIN_EMAIL", ADMIN),
            ("AUTH_ADMIN_PASSWORD", PASSWORD),
            ("AUTH_SERVICE_KEY", SERVICE_KEY),
            // All calls come from one address, and many are wrong.
            ("AUTH_SIGN_UPS", "0"),
            ("AUTH_ADDRESS_FAILURES", "0"),
            ("AUTH_FREE_FAILURES", "0"),
        ];
        let pair = Pair::start(folder.path(), &[&cast, settings].concat());
        let channel = |address: &str| Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        let (auth, blog) = (channel(&pair.auth), channel(&pair.blog));
        let mut cast = Self {
            pair,
            contract: Contract::new(&[gatepost::api::DESCRIPTOR_SET, blog_service::api::DESCRIPTOR_SET]),
            admin: String::new(),
            auth,
            blog,
            _folder: folder,
        };
        let answer = cast.ask("auth.v1.AuthService/Login", None, json!({"email": ADMIN, "password": PASSWORD})).await;
        cast.admin = text(&answer, "/tokens/accessToken");
        cast
    }

    /// Calls a method, and repeats the call if the answer asks for a later retry.
    pub(super) async fn call(
        &self,
        method: &MethodDescriptor,
        token: Option<&str>,
        message: DynamicMessage,
    ) -> Result<DynamicMessage, Status> {
        let channel = if is_auth(method) { &self.auth } else { &self.blog };
        for _ in 0..PATIENCE {
            match dynamic::call(channel, method, token, message.clone()).await {
                Err(status) if is_for_later(method.name(), &status) => {}
                answer => return answer,
            }
        }
        dynamic::call(channel, method, token, message).await
    }

    /// Calls a method, and panics if the call fails.
    pub(super) async fn ask(&self, name: &str, token: Option<&str>, request: Value) -> Value {
        let method = self.contract.method(&format!("gatepost.{name}")).unwrap();
        let message = dynamic::request(&method, &request).unwrap();
        dynamic::json(&self.call(&method, token, message).await.unwrap()).unwrap()
    }

    /// Registers a user with a session and a post, and creates an API key.
    pub(super) async fn guest(&self, number: usize) -> Guest {
        let email = format!("guest-{number}@example.com");
        // The request id lets a registration be repeated after a late answer.
        let request_id = format!("00000000-0000-4000-8000-{number:012}");
        let request = json!({"name": "Ada", "email": email, "password": PASSWORD, "requestId": request_id});
        let answer = self.ask("auth.v1.UserService/CreateUser", None, request).await;
        let (id, token) = (text(&answer, "/user/id"), text(&answer, "/tokens/accessToken"));
        let sessions = self.ask("auth.v1.SessionService/ListSessions", Some(&token), json!({})).await;
        let request = json!({"title": "Hello", "content": "First post."});
        let post = self.ask("blog.v1.PostService/CreatePost", Some(&token), request).await;
        let key = self.ask("auth.v1.ApiKeyService/CreateApiKey", Some(&self.admin), json!({"name": "Idle"})).await;
        let (session, api_key) = (text(&sessions, "/sessions/0/id"), text(&key, "/apiKey/id"));
        Guest { id, email, token, session, api_key, post: text(&post, "/post/id") }
    }
}

/// Returns `true` if the auth service has the method.
pub(super) fn is_auth(method: &MethodDescriptor) -> bool {
    method.parent_service().package_name() == "gatepost.auth.v1"
}

/// Returns the text at this JSON pointer.
pub(super) fn text(value: &Value, place: &str) -> String {
    value.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{place} in {value}")).to_owned()
}
