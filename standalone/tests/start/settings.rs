//! The database's URL: each error, from a wrong form to the server's refusal, is reported without the URL's secrets.

use rustix::process::Signal;
use testkit::proxy::Proxy;

use super::outsider::Outsider;
use super::service::{BOTH, SEALED, Service, Which, command};

/// A password that occurs nowhere else.
const CANARY: &str = "thicket-marimba-quince";

/// Part of the line about a server that does not answer.
const AWAY: &str = "does not answer yet: waiting for half a minute";

/// Starts the service with these settings and a URL; the URL's password must not be shown.
fn start(which: Which, url: &str, settings: &[(&str, &str)]) -> Service {
    Service::spawn(command(which, url).envs(SEALED).envs(settings.iter().copied()), vec![CANARY.to_owned()])
}

fn insecure(which: Which) -> &'static str {
    if which == Which::Auth { "AUTH_INSECURE" } else { "BLOG_INSECURE" }
}

fn setting(which: Which) -> &'static str {
    if which == Which::Auth { "--database-url (AUTH_DATABASE_URL): " } else { "--database-url (BLOG_DATABASE_URL): " }
}

/// C65: plaintext leaves the machine only if the operator says so.
#[test]
fn plaintext_to_a_remote_database_needs_a_setting() {
    for which in BOTH {
        for query in ["", "?sslmode=prefer", "?sslmode=disable", "?sslmode=require&sslmode=allow"] {
            // An address of this machine that is not a loopback address.
            let url = format!("postgres://ada:{CANARY}@0.0.0.0:1/d{query}");
            let why = start(which, &url, &[]).refuses(2);
            assert!(why.starts_with(setting(which)) && why.contains(insecure(which)), "{why}");
            let mut service = start(which, &url, &[(insecure(which), "true")]);
            service.wait_for_line(&[AWAY]);
        }
    }
}

/// C70: malformed URLs are refused without being shown.
#[test]
fn malformed_urls_are_refused_without_being_shown() {
    for which in BOTH {
        for url in [
            CANARY.to_owned(),
            format!("postgres://ada:{CANARY}@"),
            format!("postgres://ada:{CANARY}@h"),
            format!("postgres://ada:{CANARY}@h:port/d"),
            format!("postgres://ada:{CANARY}@h/d?sslmode={CANARY}"),
            format!("postgres://h/d?password={CANARY}"),
            format!("postgres://ada:{CANARY}@h@h/d?{CANARY}"),
            format!("mysql://ada:{CANARY}@h/d"),
            format!("sqlite:a.db?key={CANARY}"),
        ] {
            let why = start(which, &url, &[]).refuses(2);
            assert!(why.starts_with(setting(which)) && !why.contains("ada"), "{why}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn start_waits_for_a_silent_server_until_a_signal() {
    let nowhere = ([127, 0, 0, 1], 1).into();
    let mut waiting = Vec::new();
    for which in BOTH {
        let (gone, silent) = (Proxy::to_address(nowhere), Proxy::to_address(nowhere));
        gone.cut();
        silent.black_hole();
        for proxy in [gone, silent] {
            let url = format!("postgres://ada:{CANARY}@{}/d?sslmode=disable", proxy.address());
            waiting.push((start(which, &url, &[]), proxy));
        }
    }
    for (service, _) in &mut waiting {
        service.wait_for_line(&[AWAY]);
    }
    for (service, _proxy) in waiting {
        service.signal(Signal::TERM);
        assert_eq!(service.code(), Some(0), "a stop is clean at any time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn start_continues_when_the_server_comes_back() {
    let Some(server) = testkit::postgres::server().await else { return };
    server.create_database().await.unwrap();
    let proxy = Proxy::to_socket(server.socket());
    for which in BOTH {
        proxy.cut();
        let name = format!("of_{}", which.name());
        Outsider::of_server(&server.url("postgres")).await.run(&format!("create database {name}")).await;
        let mut service = start(which, &server.url_at(proxy.address(), &name), &[]);
        service.wait_for_line(&[AWAY]);
        proxy.pass();
        service.serves();
        service.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signal_ends_the_wait_for_a_migrating_process() {
    let Some(database) = testkit::postgres::database().await else { return };
    let mut holder = Outsider::of_server(&database.url).await;
    holder.run(super::lock::LOCK).await;
    for which in BOTH {
        let mut service = start(which, &database.url, &[]);
        service.wait_for_line(&[super::lock::WAITS]);
        service.stop();
    }
    assert_eq!(holder.all().await, [""; 0], "a waiting process writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_refuses_the_login_is_not_waited_for() {
    let Some(server) = testkit::postgres::server().await else { return };
    let mut admin = Outsider::of_server(&server.url("postgres")).await;
    for sql in [
        "create role ada login password 'plover gantry'",
        "create role bob password 'plover gantry'",
        "create role eve login password 'plover gantry'",
        "create database hers owner ada",
    ] {
        admin.run(sql).await;
    }
    // Passwords are checked from now on, except for the testkit.
    let folder = server.socket().parent().unwrap().to_owned();
    let rules = "local all postgres trust\nlocal all all scram-sha-256\n";
    std::fs::write(folder.join("data/pg_hba.conf"), rules).unwrap();
    server.stop_fast().await.unwrap();
    server.start_again().await.unwrap();

    let url = |user: &str, password: &str, database: &str| {
        format!("postgres://{user}:{password}@localhost/{database}?host={}", folder.display())
    };
    for (user, password, database, says) in [
        ("ada", CANARY, "hers", "password authentication failed"),
        ("bob", "plover%20gantry", "hers", "is not permitted to log in"),
        ("nobody", CANARY, "hers", "password authentication failed"),
        ("ada", "plover%20gantry", "nowhere", "does not exist"),
    ] {
        let why = start(Which::Blog, &url(user, password, database), &[]).refuses(1);
        assert!(why.contains(says), "{why}");
        assert!(
            why.contains("refuses the connection or does not answer (")
                && why.contains("check the server, user, password and database"),
            "{why}"
        );
        assert!(!why.contains("plover"), "{why}");
    }
    let why = start(Which::Blog, &url("eve", "plover%20gantry", "hers"), &[]).refuses(1);
    assert!(why.contains("could not be migrated (") && why.contains("permission denied for schema public"), "{why}");
    start(Which::Blog, &url("ada", "plover%20gantry", "hers"), &[]).serves();
}
