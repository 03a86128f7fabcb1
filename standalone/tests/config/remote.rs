//! `doctor` and other processes: an auth service, and a database server that is down or silent.

use std::time::{Duration, Instant};

use testkit::proxy::Proxy;

use super::checked::doctor;
use super::pair::folder;
use super::service::{BOTH, SEALED, Service, Which, file};

const KEY: &str = "thicket-marimba-oblong-quince-42-umbel";
const OTHER_KEY: &str = "plover-gantry-tornado-velvet-17-anchor";

/// Longest time of a report on a server that never answers: 5 s for each of two waits, on a machine that runs other tests.
const REPORT_LIMIT: Duration = Duration::from_secs(25);

#[tokio::test(flavor = "multi_thread")]
async fn auth_service_and_service_key_are_checked() {
    let folder = folder();
    let [auth_url, blog_url] = ["auth.db", "blog.db"].map(|name| file(&folder.path().join(name)));
    let mut auth = Service::start_with(Which::Auth, &auth_url, &[("AUTH_SERVICE_KEY", KEY)]);
    let place = format!("http://{}", auth.serves());
    let mut blog = Service::start(Which::Blog, &blog_url);
    blog.serves();
    blog.stop();
    let settings = [("BLOG_DATABASE_URL", blog_url.as_str()), ("BLOG_AUTH_URL", &place)];
    let check = |key: Option<&'static str>| {
        let key = key.map(|key| ("BLOG_SERVICE_KEY", key));
        doctor(&["blog"], &settings.into_iter().chain(key).collect::<Vec<_>>(), &[])
    };
    let good = check(Some(KEY));
    good.says("auth service", "ok", &format!("{place} serves"));
    good.says("service key", "ok", "accepted");
    good.is_well();
    let none = check(None);
    none.says("service key", "warning", "set BLOG_SERVICE_KEY to the auth service's AUTH_SERVICE_KEY");
    none.is_well();
    let wrong = check(Some(OTHER_KEY));
    wrong.says("auth service", "ok", "");
    wrong.says("service key", "failed", "BLOG_SERVICE_KEY must be the auth service's AUTH_SERVICE_KEY");
    assert_eq!(wrong.code, Some(1));
    auth.stop();
    let down = check(Some(KEY));
    down.fails("auth service", "start the auth service, or correct --auth-url (BLOG_AUTH_URL)");
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_database_server_is_given_up() {
    let nowhere = ([127, 0, 0, 1], 1).into();
    let (gone, silent) = (Proxy::to_address(nowhere), Proxy::to_address(nowhere));
    gone.cut();
    silent.black_hole();
    for which in BOTH {
        for (proxy, part) in [(&gone, "check the server"), (&silent, "check the server")] {
            let url = format!("postgres://canary:canary@{}/d?sslmode=disable", proxy.address());
            let settings = [("AUTH_DATABASE_URL", url.as_str()), ("BLOG_DATABASE_URL", &url), SEALED[0]];
            let began = Instant::now();
            let report = doctor(&[which.name()], &settings, &[]);
            report.says("database", "failed", part);
            assert!(began.elapsed() < REPORT_LIMIT && report.code == Some(1), "{:?}", began.elapsed());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_falls_silent_is_given_up() {
    let Some(server) = testkit::postgres::server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    server.create_database().await.unwrap();
    super::outsider::Outsider::of_server(&server.url("postgres")).await.run("create database doctored").await;
    let url = server.url_at(proxy.address(), "doctored");
    let mut service = Service::start(Which::Auth, &url);
    service.serves();
    let settings = [("AUTH_DATABASE_URL", url.as_str()), SEALED[0]];
    let report = doctor(&["auth"], &settings, &[]);
    report.says("database write", "ok", "");
    report.says("keys", "ok", "sealed");
    report.is_well();
    proxy.black_hole();
    let began = Instant::now();
    let report = doctor(&["auth"], &settings, &[]);
    report.says("database", "failed", "check the server");
    assert!(began.elapsed() < REPORT_LIMIT, "{:?}", began.elapsed());
}
