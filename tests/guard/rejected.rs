//! The observer of refused calls, such as an audit log.

use std::sync::{Arc, Mutex};

use gatepost::{AuthService, GuardLayer, Policy, Rejection, Rule};

use crate::support::{Auth, CallView, Guarded, Port, SHOW, known};

#[tokio::test]
async fn observer_sees_each_refused_call_and_no_other() {
    let (auth, port) = (Auth::new(known), Port::reserve());
    let _running = auth.serve(port.listen());
    let verifier = AuthService::builder(port.url()).build().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let policy = Policy::closed().rule(SHOW, Rule::role("seller"));
    let guard = GuardLayer::new(policy, verifier).unwrap().on_rejection(move |call| {
        let mark = call.headers.get("x-mark").map(|mark| mark.to_str().unwrap().to_owned());
        let shown = format!("{call:?}");
        notes.lock().unwrap().push((call.rejection, call.path.to_owned(), mark, shown.contains("canary")));
    });
    let server = Guarded::start(guard).await;
    let raw = server.raw().await;
    let _: CallView = raw.call(SHOW, &[("api-token", b"seller"), ("x-mark", b"admitted")]).await.message();
    raw.call(SHOW, &[("api-token", b"good"), ("x-mark", b"role")]).await.status();
    raw.call(SHOW, &[("api-token", b"canary"), ("x-mark", b"token")]).await.status();
    raw.call("/a.B/C", &[("x-mark", b"path")]).await.status();
    let seen = seen.lock().unwrap();
    let calls: Vec<_> = seen.iter().map(|(_, path, mark, _)| (path.as_str(), mark.as_deref().unwrap())).collect();
    assert_eq!(calls, [(SHOW, "role"), (SHOW, "token"), ("/a.B/C", "path")]);
    assert_eq!(seen[0].0, Rejection::NotAllowed);
    assert!(matches!(seen[1].0, Rejection::Token(_)) && matches!(seen[2].0, Rejection::Header(_)), "{seen:?}");
    assert!(seen.iter().all(|(.., shows_token)| !shows_token), "the token is not shown: {seen:?}");
}
