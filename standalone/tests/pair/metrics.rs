//! The metrics of the pair on its operations ports.

use std::net::SocketAddr;

use blog_service::api::v1::ListPostsRequest;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::{GetMeRequest, LogoutRequest, user_service_client::UserServiceClient};
use testkit::http::get;

use super::story::{EMAIL, channel, posts, register, with_token};
use super::support::watch::shows;
use super::support::{Outcome, PASSWORD, Pair, folder};

/// Returns the text of a service's metrics page.
async fn page(ops: Option<&str>) -> String {
    let address: SocketAddr = ops.unwrap().parse().unwrap();
    loop {
        let page = get(address, "/metrics").await;
        match page.status {
            200 => return page.body,
            503 => {}
            status => panic!("{status}: {}", page.body),
        }
    }
}

/// Returns the value of the metric with this name.
#[track_caller]
fn number(page: &str, name: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is missing:\n{page}")).parse().unwrap()
}

/// Reads the page until the metric has at least this value. Returns the page.
async fn until(ops: Option<&str>, name: &str, wanted: u64) -> String {
    loop {
        let page = page(ops).await;
        if number(&page, name) >= wanted {
            return page;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_calls_without_naming_callers() -> Outcome {
    const HITS: &str = r#"gatepost_guard_verdicts_total{result="hit"}"#;
    let folder = folder();
    let pair = Pair::start(folder.path(), &[("AUTH_OPS_LISTEN", "127.0.0.1:0"), ("BLOG_OPS_LISTEN", "127.0.0.1:0")]);
    let (auth, blog) = (pair.auth_ops.as_deref(), pair.blog_ops.as_deref());
    let begun = until(blog, "gatepost_feed_resets_total", 1).await;
    assert_eq!(number(&begun, "gatepost_feed_up"), 1);
    assert_eq!(number(&begun, "gatepost_feed_lag_seconds_count"), 0);

    let token = register(&pair).await?;
    let me = UserServiceClient::new(channel(&pair.auth)).get_me(with_token(GetMeRequest {}, &token)).await?;
    let id = me.into_inner().user.unwrap().id;
    // Evidence is used for at most one second. On a busy machine several calls may miss before one is a hit.
    let mut calls = 0;
    let warm = loop {
        posts(&pair, &token).list_posts(ListPostsRequest::default()).await?;
        calls += 1;
        let page = page(blog).await;
        if number(&page, HITS) >= 1 {
            break page;
        }
    };
    // A call may be checked again before its answer is sent.
    let judged = number(&warm, HITS) + number(&warm, r#"gatepost_guard_verdicts_total{result="miss"}"#);
    assert!(judged >= calls, "{warm}");
    assert_eq!(number(&warm, "gatepost_guard_evidence_age_seconds_count"), judged);
    assert_eq!(
        number(&warm, r#"gatepost_guard_evidence_age_seconds_bucket{le="1.0"}"#),
        judged,
        "evidence is at most one second old"
    );
    assert!(number(&warm, r#"gatepost_guard_decisions_total{result="allow",reason=""}"#) >= calls);

    AuthServiceClient::new(channel(&pair.auth)).logout(with_token(LogoutRequest {}, &token)).await?;
    until(blog, "gatepost_feed_lag_seconds_count", 1).await;
    posts(&pair, &token).list_posts(ListPostsRequest::default()).await.unwrap_err();
    let me = UserServiceClient::new(channel(&pair.auth)).get_me(with_token(GetMeRequest {}, &token)).await;
    me.unwrap_err();
    for ops in [auth, blog] {
        let page = until(ops, r#"gatepost_guard_decisions_total{result="deny",reason="TOKEN_REVOKED"}"#, 1).await;
        assert_eq!(number(&page, r#"gatepost_guard_decisions_total{result="deny",reason="TOKEN_INVALID"}"#), 0);
        let parts = token.split('.').map(str::to_owned);
        let secrets = parts.chain([PASSWORD, EMAIL, &id, "Ada"].map(str::to_owned)).collect::<Vec<_>>();
        assert!(!shows(&page, &secrets), "{page}");
        assert!(page.ends_with("# EOF\n"), "{page}");
    }
    until(blog, "gatepost_feed_renewals_total", 1).await;
    pair.stop();
    Ok(())
}
