//! The Go client plays its story in plaintext, over TLS and over mutual TLS. Requests and answers are compressed with
//! gzip.

use std::path::Path;
use std::process::{Command, Output};

use testkit::tls::Authority;

use super::secured::SecuredPair;
use super::support::{Pair, folder, tool};

/// Runs the client with these arguments. Prints a note and returns `None` if no program is named.
fn play(addresses: [&str; 2], files: &[&Path]) -> Option<Output> {
    let program = tool("GATEPOST_GO_CLIENT", "skip");
    if program == "skip" {
        println!("skipped: GATEPOST_GO_CLIENT names no program, so clients/go was not run");
        return None;
    }
    let played = Command::new(&program).args(addresses).args(files).output();
    Some(played.unwrap_or_else(|error| panic!("{program}: {error}; run scripts/test --setup, which builds clients/go")))
}

#[track_caller]
fn succeeds(played: Option<Output>) {
    let Some(played) = played else { return };
    let (out, err) = (String::from_utf8_lossy(&played.stdout), String::from_utf8_lossy(&played.stderr));
    assert!(played.status.success(), "{out}{err}");
    assert!(out.contains("ok  wrote and read a post by gzip: "), "{out}");
}

#[track_caller]
fn fails(played: Option<Output>, cause: &str) {
    let Some(played) = played else { return };
    let err = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.code() == Some(1) && err.contains(cause), "{err}");
}

#[test]
fn go_plays_in_plaintext_with_gzip() {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    succeeds(play([&pair.auth, &pair.blog], &[]));
    pair.stop();
}

#[test]
fn go_plays_over_tls_with_gzip() {
    let optional = [("AUTH_TLS_CLIENT_AUTH", "optional"), ("BLOG_TLS_CLIENT_AUTH", "optional")];
    let secured = SecuredPair::start(&optional);
    let [auth, blog] = [&secured.pair.auth, &secured.pair.blog].map(|address| SecuredPair::named(address));
    succeeds(play([&auth, &blog], &[&secured.ca]));
    // The certificate names `localhost` alone.
    fails(play([&secured.pair.auth, &secured.pair.blog], &[&secured.ca]), "x509");
    let other = Authority::new("other").write(secured.folder.path(), "other");
    fails(play([&auth, &blog], &[&other]), "x509");
    secured.pair.stop();
}

#[test]
fn go_plays_over_mutual_tls_with_gzip() {
    let secured = SecuredPair::start(&[]);
    let [auth, blog] = [&secured.pair.auth, &secured.pair.blog].map(|address| SecuredPair::named(address));
    succeeds(play([&auth, &blog], &[&secured.ca, &secured.client.certificate, &secured.client.key]));
    fails(play([&auth, &blog], &[&secured.ca]), "failed: reflection at localhost:");
    secured.pair.stop();
}
