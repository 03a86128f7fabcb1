//! Metrics of the auth service's parts: passwords, view, feed and keys.

use std::time::Duration;

use testkit::MetricsText;
use testkit::http::get;

use super::support::{EMAIL, PASSWORD, SECRET, Service, Settings, start, start_with};
use super::watch::{Guard, logout, service};

async fn page(service: &Service) -> MetricsText {
    loop {
        // The page is 503 until the service has started.
        let page = get(service.ops, "/metrics").await;
        if page.status == 200 {
            return MetricsText(page.body);
        }
    }
}

/// Reads the page until the series has this value.
async fn until(service: &Service, series: &str, count: u64) {
    while page(service).await.count(series) != count {}
}

#[tokio::test]
async fn each_hashed_password_is_counted() {
    const HASHES: &str = "gatepost_password_hash_duration_seconds_count";
    let service = start().await;
    let before = page(&service).await.count(HASHES);
    service.register(EMAIL).await.unwrap();
    service.login(EMAIL, PASSWORD).await.unwrap();
    service.login(EMAIL, "wrong password").await.unwrap_err();
    let page = page(&service).await;
    assert_eq!(page.count(HASHES) - before, 3);
    assert_eq!(page.count("gatepost_password_hash_wait_seconds_count") - before, 3);
    assert_eq!(page.count("gatepost_password_hashes_waiting"), 0);
    assert_eq!(page.count("gatepost_password_hashes_refused_total"), 0);
}

#[tokio::test]
async fn view_and_feed_show_a_revocation() {
    let service = service().await;
    until(&service, "gatepost_feed_subscribers", 0).await;
    let (mut guard, ..) = Guard::new(&service).await;
    until(&service, "gatepost_feed_subscribers", 1).await;
    until(&service, r#"gatepost_feed_service_subscribers{service="service"}"#, 1).await;
    let before = page(&service).await.count("gatepost_view_entries");
    let account = service.account(EMAIL).await;
    logout(&service, &account.token).await;
    guard.revocation().await;
    until(&service, "gatepost_view_entries", before + 1).await;
    // The guard has not acknowledged the entry.
    while page(&service).await.count("gatepost_feed_unacknowledged_entries") == 0 {}
    assert!(page(&service).await.value("gatepost_view_age_seconds") >= 0.0);
    drop(guard);
    until(&service, "gatepost_feed_subscribers", 0).await;
}

#[tokio::test]
async fn signing_key_shows_its_age_and_the_time_left() {
    let service = start().await;
    let seconds = |page: &MetricsText| {
        ["gatepost_signing_key_age_seconds", "gatepost_signing_key_remaining_seconds"].map(|name| page.value(name))
    };
    let [age, left] = seconds(&page(&service).await);
    assert!(age.abs() < 0.001 && (left - 90.0 * 86_400.0).abs() < 0.001, "{age} {left}");
    service.clock.advance(Duration::from_hours(1));
    let [age, left] = seconds(&page(&service).await);
    assert!((age - 3600.0).abs() < 0.001 && (left - 90.0 * 86_400.0 + 3600.0).abs() < 0.001, "{age} {left}");
    assert_eq!(page(&service).await.count("gatepost_signing_keys"), 1);
}

#[tokio::test]
async fn secret_has_no_age() {
    let service = start_with(Settings { secret: Some(SECRET), ..Settings::default() }).await;
    let page = page(&service).await;
    assert_eq!(page.find("gatepost_signing_key_age_seconds"), None);
    assert_eq!(page.count("gatepost_signing_keys"), 1);
}
