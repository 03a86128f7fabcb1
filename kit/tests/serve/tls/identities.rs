//! Client certificates as services: only a name in the certificate counts.

use kit::tls::ClientAuth;
use testkit::tls::date_time_ymd;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::world::{SERVICE_ID, World, call_as_service, channel};

fn reason(answer: Result<(), Status>) -> String {
    answer.unwrap_err().get_details_error_info().unwrap().reason
}

/// C27: a verified certificate with a configured name may call methods that are for services.
#[tokio::test]
async fn certificate_of_a_known_name_is_a_service() {
    let world = World::new();
    let server = world.start(Some(ClientAuth::Optional)).await;
    for names in [&[SERVICE_ID][..], &["other.example.org", SERVICE_ID]] {
        call_as_service(&channel(&server, world.client_named(names)), &[]).await.unwrap();
    }
    for names in [
        &["spiffe://example.org/blog/x"][..],
        &["spiffe://example.org/Blog"],
        &["spiffe://example.com/blog"],
        &["blog.example.org", "127.0.0.1"],
    ] {
        let answer = call_as_service(&channel(&server, world.client_named(names)), &[]).await;
        assert_eq!(reason(answer), "TOKEN_MISSING", "{names:?}");
    }
}

#[tokio::test]
async fn token_counts_before_the_certificate() {
    let world = World::new();
    let server = world.start(Some(ClientAuth::Required)).await;
    let channel = channel(&server, world.client_named(&[SERVICE_ID]));
    assert_eq!(reason(call_as_service(&channel, &[("api-token", "bad")]).await), "TOKEN_INVALID");
    assert_eq!(reason(call_as_service(&channel, &[("api-token", "good")]).await), "NOT_ALLOWED", "a user's token");
    call_as_service(&channel, &[]).await.unwrap();
}

#[tokio::test]
async fn headers_make_no_certificate() {
    let world = World::new();
    let server = world.start(Some(ClientAuth::Optional)).await;
    let (with, without) = (channel(&server, world.client_named(&["a.org"])), channel(&server, world.client()));
    for channel in [with, without] {
        for name in
            ["x-forwarded-client-cert", "x-ssl-client-cert", "x-client-cert", "ssl-client-subject-dn", "forwarded"]
        {
            let uri = format!("URI={SERVICE_ID}");
            for value in [SERVICE_ID, &uri] {
                assert_eq!(reason(call_as_service(&channel, &[(name, value)]).await), "TOKEN_MISSING", "{name}");
            }
        }
    }
}

#[test]
fn client_refuses_its_expired_certificate() {
    let world = World::new();
    let expired = world.authority.issue_with(&[SERVICE_ID], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let files = expired.write(world.folder.path(), "expired");
    let error = world.client().certificate(files.certificate, files.key).build().unwrap_err().to_string();
    assert!(error.contains("has expired on 2020-01-01"), "{error}");
}
