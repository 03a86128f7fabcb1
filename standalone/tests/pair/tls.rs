//! The pair with TLS and required client certificates, and its clients: demo, grpcurl, Python, Envoy, and the health
//! check.

use std::path::Path;
use std::process::{Command, Output};

use blog_service::api::v1::ListPostsRequest;
use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::TokenSource;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, GetMeRequest};
use gatepost::tls::ClientTls;
use rustix::process::Signal;
use testkit::tls::Authority;

use super::demo::{DemoResult, play_with_grpcurl};
use super::envoy;
use super::secured::SecuredPair;
use super::support::{Outcome, PASSWORD, gatepost, tool};

const STORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/python/story.py");
const DOCS: &str = include_str!("../../../docs/operations/tls.md");

#[test]
fn demo_and_grpcurl_play_over_mutual_tls() {
    let secured = SecuredPair::start(&[]);
    play_with_grpcurl(secured.with_flags(&mut secured.demo()));
    // Without a client certificate no call is served.
    let played = DemoResult::run(secured.demo().arg("--ca").arg(&secured.ca));
    let fault =
        "cannot be called over TLS (the server requires a client certificate (TLS alert CertificateRequired)): see";
    assert!(played.err.contains(fault), "{}", played.err);
    secured.pair.stop();
}

#[test]
fn python_plays_over_mutual_tls() {
    let secured = SecuredPair::start(&[]);
    let [auth, blog] = [&secured.pair.auth, &secured.pair.blog].map(|address| SecuredPair::named(address));
    let run = |files: &[&Path]| -> Output {
        Command::new(tool("GATEPOST_PYTHON", "python3")).arg(STORY).args([&auth, &blog]).args(files).output().unwrap()
    };
    let output = run(&[&secured.ca, &secured.client.certificate, &secured.client.key]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let other = Authority::new("other").write(secured.folder.path(), "other");
    for files in [&[secured.ca.as_path()][..], &[&other, &secured.client.certificate, &secured.client.key]] {
        let output = run(files);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    }
    secured.pair.stop();
}

#[test]
fn health_check_uses_tls() {
    let secured = SecuredPair::start(&[("AUTH_TLS_CLIENT_AUTH", "optional")]);
    let check = |service: &str, address: &str, command: &dyn Fn(&mut Command)| {
        let mut healthcheck = gatepost();
        healthcheck.args([service, "--listen", address]);
        command(&mut healthcheck);
        let output = healthcheck.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let own = secured.folder.path().join("server.crt");
    // The service's own certificate is trusted, whatever its name.
    let (code, text) = check("auth", &secured.pair.auth, &|command| {
        command.arg("--tls-cert").arg(&own).arg("healthcheck");
    });
    assert_eq!((code, text), (Some(0), format!("https://{} serves\n", secured.pair.auth)));
    let url = format!("https://{}", SecuredPair::named(&secured.pair.blog));
    let (code, text) = check("blog", "127.0.0.1:0", &|command| {
        secured.with_flags(command.args(["healthcheck", "--url", &url]));
    });
    assert_eq!((code, text), (Some(0), format!("{url} serves\n")));
    for (url, cause) in [(url.clone(), "UnknownIssuer"), (format!("http://{}", secured.pair.blog), "wants TLS")] {
        let (code, text) = check("blog", "127.0.0.1:0", &|command| {
            command.args(["healthcheck", "--url", &url]);
        });
        assert!(code == Some(1) && text.contains(cause) && text.lines().count() == 1, "{text}");
    }
    secured.pair.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn session_of_a_client_renews_itself_over_tls() -> Outcome {
    let secured = SecuredPair::start(&[]);
    let [auth, blog] =
        [&secured.pair.auth, &secured.pair.blog].map(|address| format!("https://{}", SecuredPair::named(address)));
    let (auth, service) =
        (secured.client(&secured.client).channel(&auth)?, secured.client(&secured.blog).channel(&blog)?);
    let blog = secured.client(&secured.client).channel(&blog)?;
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: "ada@example.com".into(),
        password: PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let created = UserServiceClient::new(auth.clone()).create_user(request).await?.into_inner();
    let session = TokenSource::new(auth.clone(), created.tokens.unwrap());
    session.forget(&session.token().await?);
    let me = UserServiceClient::new(session.wrap(auth)).get_me(GetMeRequest::default()).await?.into_inner();
    assert_eq!(me.user.unwrap().name, "Ada");
    PostServiceClient::new(session.wrap(blog.clone())).list_posts(ListPostsRequest::default()).await?;
    PostServiceClient::new(blog).list_posts(ListPostsRequest::default()).await.unwrap_err();
    // A client with a service's certificate needs no token to read.
    PostServiceClient::new(service).list_posts(ListPostsRequest::default()).await?;
    secured.pair.stop();
    Ok(())
}

/// The pair renews its certificate on SIGHUP, and both services go on.
#[tokio::test(flavor = "multi_thread")]
async fn renewed_certificate_is_served_after_sighup() -> Outcome {
    let secured = SecuredPair::start(&[]);
    let channel = |path: &Path| {
        let builder = ClientTls::builder().server_certificate(path);
        let tls = builder.certificate(&secured.blog.certificate, &secured.blog.key).build().unwrap();
        PostServiceClient::new(tls.channel(&format!("https://{}", secured.pair.blog)).unwrap())
    };
    let old = secured.folder.path().join("old.crt");
    std::fs::copy(secured.folder.path().join("server.crt"), &old)?;
    let mut kept = channel(&old);
    kept.list_posts(ListPostsRequest::default()).await?;
    secured.authority.issue(&["localhost"]).write(secured.folder.path(), "server");
    secured.pair.signal(Signal::HUP);
    let new = secured.folder.path().join("server.crt");
    // The check takes a moment.
    while channel(&new).list_posts(ListPostsRequest::default()).await.is_err() {}
    kept.list_posts(ListPostsRequest::default()).await.expect("an open connection goes on");
    channel(&old).list_posts(ListPostsRequest::default()).await.unwrap_err();
    secured.pair.stop();
    Ok(())
}

/// The part of the manual for Envoy works word for word.
#[tokio::test(flavor = "multi_thread")]
async fn envoy_calls_both_ports_over_tls() -> Outcome {
    let Some(program) = envoy::program() else { return Ok(()) };
    let secured = SecuredPair::start(&[("AUTH_OPS_LISTEN", "127.0.0.1:0")]);
    let socket = DOCS.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the part for Envoy");
    let mut socket = socket.replace("auth.example.org", "localhost").replace("blog.example.org", "localhost");
    for (documented, path) in [
        ("/etc/envoy/ca.crt", &secured.ca),
        ("/etc/envoy/tls.crt", &secured.client.certificate),
        ("/etc/envoy/tls.key", &secured.client.key),
    ] {
        assert!(socket.contains(documented), "{documented}");
        socket = socket.replace(documented, path.to_str().unwrap());
    }
    let socket = socket.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n");
    let envoy = envoy::Envoy::start_with(&program, &secured.pair, |text| {
        text.replace("      type: STATIC\n", &format!("      type: STATIC\n{socket}\n"))
    })
    .await;
    let channel =
        secured.client(&secured.client).channel(&format!("https://{}", SecuredPair::named(&secured.pair.auth)))?;
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: "ada@example.com".into(),
        password: PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let created = UserServiceClient::new(channel).create_user(request).await?.into_inner();
    envoy.list(Some(("api-token", created.tokens.unwrap().access_token))).await?;
    Ok(())
}
