//! However a caller presents a token: one good one gets in, anything doubtful is refused as UNAUTHENTICATED.

use gatepost::Policy;

use crate::support::{Refused, TELL, Told, World};

type Headers<'a> = &'a [(&'static str, &'a [u8])];

async fn all_refused(expected: Refused, cases: &[Headers<'_>]) {
    let world = World::start(Policy::closed()).await;
    let raw = world.server.raw().await;
    for headers in cases {
        expected.is(&raw.call(TELL, headers).await.status());
    }
    assert_eq!(world.server.inside.paths(), [""; 0]);
    assert_eq!(world.auth.count(), 0, "nobody was asked about what cannot be a token");
}

#[tokio::test]
async fn either_header_carries_the_token() {
    let world = World::start(Policy::closed()).await;
    let raw = world.server.raw().await;
    for headers in [
        &[("api-token", &b"good"[..])][..],
        &[("authorization", b"Bearer good")],
        &[("authorization", b"bearer good")],
        &[("api-token", b"good"), ("authorization", b"Bearer good")],
        &[("api-token", b"good"), ("authorization", b"Basic eA==")],
    ] {
        let told: Told = raw.call(TELL, headers).await.message();
        assert_eq!(told.subject.as_deref(), Some("ada"));
    }
    assert!(world.auth.asked(5).await.iter().all(|asked| asked.token == "good"));
}

#[tokio::test]
async fn c22_no_token_is_missing() {
    all_refused(
        Refused::TOKEN_MISSING,
        &[
            &[],
            &[("api-token", b"")],
            &[("authorization", b"Bearer")],
            &[("authorization", b"Bearer ")],
            &[("authorization", b"Basic eA==")],
            &[("authorization", b"good")],
            &[("x-api-token", b"good")],
        ],
    )
    .await;
}

#[tokio::test]
async fn c22_two_values_are_invalid_even_when_they_are_equal() {
    all_refused(
        Refused::TOKEN_INVALID,
        &[
            &[("api-token", b"good"), ("api-token", b"good")],
            &[("api-token", b"good"), ("api-token", b"forged")],
            &[("api-token", b""), ("api-token", b"good")],
            &[("authorization", b"Bearer good"), ("authorization", b"Bearer good")],
            &[("authorization", b"Basic eA=="), ("authorization", b"Bearer good")],
            &[("api-token", b"good"), ("authorization", b"Bearer seller")],
            &[("api-token", b""), ("authorization", b"Bearer good")],
        ],
    )
    .await;
}

#[tokio::test]
async fn c22_a_binary_header_is_invalid_beside_a_good_one_too() {
    all_refused(
        Refused::TOKEN_INVALID,
        &[
            &[("api-token-bin", b"Z29vZA")],
            &[("api-token-bin", b"Z29vZA"), ("api-token", b"good")],
            &[("api-token-bin", b"!")],
            &[("authorization-bin", b"Z29vZA"), ("api-token", b"good")],
        ],
    )
    .await;
}

#[tokio::test]
async fn c22_bytes_that_no_token_has_are_invalid() {
    all_refused(
        Refused::TOKEN_INVALID,
        &[
            &[("api-token", "gööd".as_bytes())],
            &[("api-token", b"\xff\xfe")],
            &[("api-token", b"good good")],
            &[("api-token", b"good\t")],
            &[("api-token", b"good, good")],
            &[("authorization", b"Bearer g\xc3\xb6d")],
        ],
    )
    .await;
}

#[tokio::test]
async fn c22_a_token_of_more_than_4_kib_is_invalid_and_9_kib_still_get_an_answer() {
    let longest = vec![b'a'; 4096];
    let longer = vec![b'a'; 4097];
    let huge = vec![b'a'; 9 * 1024];
    let bearer = [b"Bearer ", &huge[..]].concat();
    all_refused(
        Refused::TOKEN_INVALID,
        &[&[("api-token", &longer)], &[("api-token", &huge)], &[("authorization", &bearer)]],
    )
    .await;

    let world = World::start(Policy::closed()).await;
    let reply = world.server.raw().await.call(TELL, &[("api-token", &longest)]).await;
    Refused::TOKEN_INVALID.is(&reply.status());
    assert_eq!(world.auth.count(), 1, "4 KiB can be a token, so the auth service is asked");
}
