//! `retire` while keys wait, and after several keys have leaked.

use super::output::{done, keys, listed};
use super::outsider::Home;
use super::service::{SEALED, Service, Which};
use super::tokens::{is_active, register};

/// Returns the settings that the keys need at this place.
fn settings(home: &Home) -> &'static [(&'static str, &'static str)] {
    match home {
        Home::File(_) => &[],
        Home::Server(_) => &SEALED,
    }
}

/// Returns id, state and start of signing of each key.
fn times(url: &str) -> Vec<(String, String, String)> {
    let lines = done(url, &[], &["list"]);
    let words = |line: &String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    lines[1..].iter().map(words).map(|words| (words[0].clone(), words[2].clone(), words[3].clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_key_that_signs_early_lists_its_time() {
    for home in Home::all().await {
        let (url, settings) = (home.url(), settings(&home));
        let mut service = Service::start_with(Which::Auth, &url, settings);
        service.serves();
        let first = listed(&url).remove(0)[0].clone();
        let next = done(&url, settings, &["rotate", "--lead", "7d"]).remove(0);
        assert!(service.wait_for_line(&["signing key added"]).contains(&next), "the running service logs the new key");
        let planned = times(&url).remove(1).2;
        let output = keys(&url, settings, &["retire", &first]);
        assert_eq!((output.code, output.out.trim()), (0, next.as_str()));
        assert_eq!(output.err, format!("{first} is killed, and its tokens are refused.\n{next} signs.\n"));
        let moved = service.wait_for_line(&["start of a signing key moved"]);
        assert!(moved.contains(&next), "{moved}");
        assert!(
            service.wait_for_line(&["signing key retired by an operator"]).contains(&first),
            "the service logs the end"
        );
        let [(id, state, from)] = &times(&url)[..] else { panic!("one key is left") };
        assert_eq!((id, state.as_str()), (&next, "signing"));
        assert!(*from < planned, "the key signs from {from}, not from {planned}");
        // The key signs, so another one may follow.
        let output = keys(&url, settings, &["rotate", "--lead", "1h"]);
        assert!(
            output.code == 0 && output.err.starts_with("It is listed from now on, and signs from "),
            "{}",
            output.err
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_leaked_keys_die_at_once() {
    for home in Home::all().await {
        let (url, settings) = (home.url(), settings(&home));
        let mut service = Service::start_with(Which::Auth, &url, settings);
        let at = service.serves();
        let token = register(&at).await;
        let first = listed(&url).remove(0)[0].clone();
        let next = done(&url, settings, &["rotate", "--lead", "1h"]).remove(0);
        let output = keys(&url, settings, &["retire", &first, "unknown", &next]);
        assert!(output.code == 1 && output.err.contains("has no signing key unknown"), "{}", output.err);
        assert_eq!(listed(&url).len(), 2, "no key is retired");

        let output = keys(&url, settings, &["retire", &first, &next]);
        let signing = output.out.trim();
        assert!(output.code == 0 && signing != first && signing != next, "{}", output.err);
        let is_audited = |id: &str| output.audit.iter().any(|line| line.contains(&format!("subject=\"key:{id}\"")));
        assert!(output.audit.len() == 2 && is_audited(&first) && is_audited(&next), "{:?}", output.audit);
        assert_eq!(
            output.err,
            format!("{first}, {next} are killed, and their tokens are refused.\n{signing} signs.\n")
        );
        assert_eq!(listed(&url), [[signing.to_owned(), "EdDSA".into(), "signing".into()]]);
        // The loop never ends if the service does not learn of the retirement.
        while is_active(&at, &token).await {}
        service.stop();
        let mut service = Service::start_with(Which::Auth, &url, settings);
        service.serves();
        assert_eq!(listed(&url)[0][0], signing, "a restart finds the key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retire_of_a_waiting_key_names_its_replacement() {
    let home = Home::all().await.remove(0);
    let url = home.url();
    Service::start_with(Which::Auth, &url, &[]).serves();
    let first = listed(&url).remove(0)[0].clone();
    let next = done(&url, &[], &["rotate", "--lead", "1h"]).remove(0);
    let output = keys(&url, &[], &["retire", &next]);
    let waiting = listed(&url).remove(1)[0].clone();
    assert_eq!(output.out.trim(), first);
    assert!(output.err.contains(&format!("\n{first} signs.\n{waiting} is listed, and signs from ")), "{}", output.err);
}
