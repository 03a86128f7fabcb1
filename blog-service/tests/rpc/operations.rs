//! The operations port of the service.

use blog_service::api::v1::ListPostsRequest;
use kit::shutdown::Shutdown;
use testkit::http::{get, ready_while_writable};
use testkit::{clock, folder};
use tokio::net::TcpListener;

use super::support::{ADA, Service, start, start_beside};

/// Waits until the service has started.
async fn ready(service: &Service) {
    while get(service.ops, "/readyz").await.body != "ready\n" {}
}

#[tokio::test]
async fn service_is_ready_while_its_database_takes_writes() {
    let service = start().await;
    ready_while_writable(service.ops, &service.folder.path().join("blog.db")).await;
}

#[tokio::test]
async fn service_is_ready_without_the_auth_service() {
    // The port never answers. If readiness depended on it, an outage of one service would remove all others from their
    // load balancers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = start_beside(silent.local_addr().unwrap(), folder(), clock(), Shutdown::new()).await;
    ready(&service).await;
}

#[tokio::test]
async fn metrics_show_guard_counts_without_callers() {
    let service = start().await;
    ready(&service).await;
    let list = async |token: &str| service.posts(token).list_posts(ListPostsRequest::default()).await;
    for _ in 0..3 {
        list(ADA).await.unwrap();
    }
    for _ in 0..2 {
        list("a-secret").await.unwrap_err();
    }
    let page = get(service.ops, "/metrics").await;
    assert_eq!(page.status, 200);
    for line in [
        r#"gatepost_guard_decisions_total{result="allow",reason=""} 3"#,
        r#"gatepost_guard_decisions_total{result="deny",reason="TOKEN_INVALID"} 2"#,
        r#"gatepost_guard_decisions_total{result="deny",reason="TOKEN_MISSING"} 0"#,
        r#"gatepost_guard_ended_total{reason="TOKEN_REVOKED"} 0"#,
        // The auth service of these tests serves no log, and without a service key no guard follows it.
        r#"gatepost_guard_verdicts_total{result="hit"} 0"#,
        "gatepost_feed_up 0",
    ] {
        assert!(page.body.lines().any(|found| found == line), "{line}: {}", page.body);
    }
    for said in [ADA, "a-secret", "127.0.0.1"] {
        assert!(!page.body.contains(said), "{said}: {}", page.body);
    }
}

#[tokio::test]
async fn blog_service_has_no_keys() {
    let service = start().await;
    ready(&service).await;
    assert_eq!(get(service.ops, "/.well-known/jwks.json").await.status, 404);
}
