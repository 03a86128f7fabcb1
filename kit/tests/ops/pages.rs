//! What is answered to whom.

use kit::ops::OpsLimits;
use testkit::http::{HttpReply, ask, get};

use super::support::{open, started};

#[tokio::test]
async fn a_process_lives_before_its_service_has_started() {
    let port = open(Limits::default()).await;
    assert_eq!(get(port.address, "/livez").await.body, "ok\n");
    for path in ["/readyz", "/page"] {
        let page = get(port.address, path).await;
        assert_eq!((page.status, page.body.as_str()), (503, "starting: the database is not open yet\n"), "{path}");
    }
    port.start();
    assert_eq!(get(port.address, "/readyz").await.body, "ready\n");
    assert_eq!(get(port.address, "/page").await.status, 200);
}

#[tokio::test]
async fn a_line_is_plain_text_that_nobody_keeps_and_a_page_says_how_long_it_holds() {
    let port = started(Limits::default()).await;
    let line = get(port.address, "/livez").await;
    for field in ["content-type: text/plain; charset=utf-8", "cache-control: no-store", "content-length: 3"] {
        assert!(line.head.contains(field), "{field}: {}", line.head);
    }
    let page = get(port.address, "/page?any=query").await;
    for field in ["content-type: application/json", "cache-control: public, max-age=7", "nosniff"] {
        assert!(page.head.contains(field), "{field}: {}", page.head);
    }
}

#[tokio::test]
async fn only_get_and_head_are_served() {
    let port = started(Limits::default()).await;
    for (method, path) in [("POST", "/livez"), ("DELETE", "/page"), ("OPTIONS", "/readyz")] {
        let text = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let page = HttpReply::read(&ask(port.address, &text).await);
        assert_eq!(page.status, 405, "{method} {path}");
        assert!(page.head.contains("allow: get, head"), "{}", page.head);
    }
    let text = "HEAD /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let page = HttpReply::read(&ask(port.address, text).await);
    assert_eq!((page.status, page.body.as_str()), (200, ""));
    assert!(page.head.contains("content-length: 3"), "{}", page.head);
}

#[tokio::test]
async fn whatever_else_is_asked_for_is_not_there() {
    let port = started(Limits::default()).await;
    for path in ["/", "/livez/", "/LIVEZ", "//livez", "/..%2flivez", "/.well-known/jwks.json", "*"] {
        assert_eq!(get(port.address, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_page_knows_one_well_formed_host_or_none() {
    let port = started(Limits::default()).await;
    for (hosts, known) in [
        ("Host: auth:9101\r\n", r#"Some("auth:9101")"#),
        ("Host: [::1]:9101\r\n", r#"Some("[::1]:9101")"#),
        ("Host: a\r\nHost: b\r\n", "None"),
        ("Host: user@b\r\n", "None"),
        ("Host: a/b\r\n", "None"),
        ("Host: a\"b\r\n", "None"),
        ("Host: \r\n", "None"),
        ("", "None"),
    ] {
        let text = format!("GET /page HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        assert_eq!(HttpReply::read(&ask(port.address, &text).await).body, known, "{hosts}");
    }
}

#[tokio::test]
async fn a_body_is_not_read_and_is_never_taken_for_a_request() {
    let port = started(Limits::default()).await;
    let smuggled = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
    let text = format!("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{smuggled}", smuggled.len());
    let answer = ask(port.address, &text).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.ends_with("ok\n"), "{answer}");
}
