//! Headers and paths of calls to a guard: only a call with a good token reaches the handler.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll};

use gatepost::testing::Auth;
use gatepost::{GuardLayer, Identity, Policy, Rule, Token};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use tokio::runtime::{Builder, Runtime};
use tonic::body::Body;
use tower_layer::Layer as _;
use tower_service::Service;

const OPEN: &str = "/a.B/Open";
const MAYBE: &str = "/a.B/Maybe";
const ADMIN: &str = "/a.B/Admin";

/// Texts in a header that stand for a good token.
const USER_TOKEN: &str = "USER_TOKEN";
const ADMIN_TOKEN: &str = "ADMIN_TOKEN";

/// A request as the handler sees it.
struct Seen {
    headers: HeaderMap,
    identity: Option<Identity>,
}

/// The service behind the guard. It keeps its last request.
#[derive(Clone, Default)]
struct Handler(Arc<Mutex<Option<Seen>>>);

impl Service<Request<Body>> for Handler {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let identity = request.extensions().get::<Identity>().cloned();
        *self.0.lock().unwrap() = Some(Seen { headers: request.headers().clone(), identity });
        ready(Ok(Response::new(Body::empty())))
    }
}

struct World {
    runtime: Runtime,
    layer: GuardLayer<Auth>,
    user: Token,
    admin: Token,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let auth = Auth::new();
    let user = auth.issue(Identity::user("ada").audience("gatepost"));
    let admin = auth.issue(Identity::user("root").audience("gatepost").role("admin"));
    let policy = Policy::closed().rule(OPEN, Rule::Public).rule(MAYBE, Rule::Optional).rule(ADMIN, Rule::role("admin"));
    let layer = GuardLayer::new(policy, auth).unwrap().audience("gatepost");
    World { runtime: Builder::new_current_thread().enable_time().build().unwrap(), layer, user, admin }
});

/// Calls with the path of the first line and the headers of the others.
pub fn headers(data: &[u8]) {
    let Some(request) = request(data) else { return };
    let (path, sent) = (request.uri().path().to_owned(), request.headers().clone());
    let handler = Handler::default();
    let mut guard = WORLD.layer.layer(handler.clone());
    let response = WORLD.runtime.block_on(guard.call(request)).unwrap();
    let Some(seen) = handler.0.lock().unwrap().take() else {
        let is_refused = response.headers().contains_key("grpc-status") || response.status().is_client_error();
        assert!(is_refused, "a refusal has a status: {response:?}");
        return;
    };
    let is_user = carries(&sent, &WORLD.user);
    let is_admin = carries(&sent, &WORLD.admin);
    match &seen.identity {
        Some(identity) if identity.subject == "root" => assert!(is_admin, "the admin's token was sent"),
        Some(identity) => assert!(identity.subject == "ada" && is_user, "the user's token was sent"),
        None => assert!([OPEN, MAYBE].contains(&&*path), "{path} needs a token"),
    }
    assert!(path != ADMIN || is_admin, "only the admin may call this method");
    let is_claim = |name: &HeaderName| {
        let name = name.as_str().trim_end_matches("-bin");
        name == "x-user-id" || ["x-gatepost-", "x-auth-request-"].iter().any(|claim| name.starts_with(claim))
    };
    assert!(!seen.headers.keys().any(is_claim), "no caller names an identity: {:?}", seen.headers);
}

/// Reads the request; `None` if the bytes are none. The content type is gRPC's, unless a header sets it.
fn request(data: &[u8]) -> Option<Request<Body>> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let path = Uri::try_from(lines.next()?).ok()?;
    let mut request = Request::new(Body::empty());
    (*request.method_mut(), *request.uri_mut()) = (Method::POST, path);
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = replace(&line[colon + 1..]);
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(&value)) else {
            continue;
        };
        request.headers_mut().append(name, value);
    }
    request.headers_mut().entry("content-type").or_insert(HeaderValue::from_static("application/grpc"));
    Some(request)
}

/// Puts the good tokens into a value.
fn replace(value: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(value) {
        Ok(text) => {
            text.replace(USER_TOKEN, WORLD.user.expose()).replace(ADMIN_TOKEN, WORLD.admin.expose()).into_bytes()
        }
        Err(_) => value.to_vec(),
    }
}

/// Returns true if a header of a token is this token.
fn carries(headers: &HeaderMap, token: &Token) -> bool {
    let values = |name| headers.get_all(name).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    let is_bearer = |value: &str| {
        let (scheme, rest) = value.trim().split_once(' ').unwrap_or_default();
        scheme.eq_ignore_ascii_case("bearer") && rest.trim() == token.expose()
    };
    values("api-token").any(|value| value.trim() == token.expose()) || values("authorization").any(is_bearer)
}
