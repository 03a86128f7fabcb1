//! What the operations port says of the service.

use kit::shutdown::Shutdown;
use kit::testing::http::get;
use kit::testing::{Outsider, clock, folder};
use tokio::net::TcpListener;

use super::support::{Service, start, start_beside};

/// Waits until the service has started.
async fn ready(service: &Service) {
    while get(service.ops, "/readyz").await.body != "ready\n" {}
}

#[tokio::test]
async fn a_service_is_ready_while_its_database_takes_writes() {
    let service = start().await;
    ready(&service).await;
    let mut outsider = Outsider::open(service.folder.path().join("blog.db")).await;
    outsider.lock().await;
    let refused = loop {
        // What the last write has come to holds for a second.
        let page = get(service.ops, "/readyz").await;
        if page.status != 200 {
            break page;
        }
    };
    assert_eq!(refused.status, 503);
    assert_eq!(refused.body, "the database is away: see to the service's database\n");
    assert_eq!(get(service.ops, "/livez").await.status, 200);
    outsider.close().await;
    ready(&service).await;
}

#[tokio::test]
async fn a_service_is_ready_whether_or_not_the_auth_service_is() {
    // Nobody answers there: otherwise one service away would take all others out of their replicas' list.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = start_beside(silent.local_addr().unwrap(), folder(), clock(), Shutdown::new()).await;
    ready(&service).await;
}

#[tokio::test]
async fn the_blog_service_has_no_keys() {
    let service = start().await;
    ready(&service).await;
    assert_eq!(get(service.ops, "/.well-known/jwks.json").await.status, 404);
}
