//! Tokens in headers: a valid one is admitted, an ambiguous one is refused.

use gatepost::Policy;

use crate::support::{CallView, Refused, SHOW, World};

type Headers<'a> = &'a [(&'static str, &'a [u8])];

/// Checks that each case is refused with its header and fault in the metadata.
async fn all_refused(expected: Refused, cases: &[(&str, &str, Headers<'_>)]) {
    let world = World::start(Policy::closed()).await;
    let raw = world.server.raw().await;
    for (header, fault, headers) in cases {
        expected.names(&raw.call(SHOW, headers).await.status(), header, fault);
    }
    assert_eq!(world.server.inside.paths(), [""; 0]);
    assert_eq!(world.auth.count(), 0, "no request was sent for malformed tokens");
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
        let view: CallView = raw.call(SHOW, headers).await.message();
        assert_eq!(view.subject.as_deref(), Some("ada"));
    }
    assert!(world.auth.asked(5).await.iter().all(|asked| asked.token == "good"));
}

/// C22: an absent or empty token has the reason `TOKEN_MISSING`.
#[tokio::test]
async fn absent_or_empty_token_is_missing() {
    all_refused(
        Refused::TOKEN_MISSING,
        &[
            ("api-token", "missing", &[]),
            ("api-token", "empty", &[("api-token", b"")]),
            ("authorization", "empty", &[("authorization", b"Bearer")]),
            ("authorization", "empty", &[("authorization", b"Bearer ")]),
            ("authorization", "bearer_prefix", &[("authorization", b"Basic eA==")]),
            ("authorization", "bearer_prefix", &[("authorization", b"good")]),
            ("api-token", "missing", &[("x-api-token", b"good")]),
        ],
    )
    .await;
}

/// C22: two values of a header are invalid even if they are equal.
#[tokio::test]
async fn two_values_are_invalid_even_if_equal() {
    all_refused(
        Refused::TOKEN_INVALID,
        &[
            ("api-token", "two_values", &[("api-token", b"good"), ("api-token", b"good")]),
            ("api-token", "two_values", &[("api-token", b"good"), ("api-token", b"forged")]),
            ("api-token", "two_values", &[("api-token", b""), ("api-token", b"good")]),
            ("authorization", "two_values", &[("authorization", b"Bearer good"), ("authorization", b"Bearer good")]),
            ("authorization", "two_values", &[("authorization", b"Basic eA=="), ("authorization", b"Bearer good")]),
            ("api-token", "two_tokens", &[("api-token", b"good"), ("authorization", b"Bearer seller")]),
            ("api-token", "two_tokens", &[("api-token", b""), ("authorization", b"Bearer good")]),
        ],
    )
    .await;
}

/// C22: a binary header is invalid, even beside a valid one.
#[tokio::test]
async fn binary_header_is_invalid_beside_a_valid_one() {
    all_refused(
        Refused::TOKEN_INVALID,
        &[
            ("api-token", "binary", &[("api-token-bin", b"Z29vZA")]),
            ("api-token", "binary", &[("api-token-bin", b"Z29vZA"), ("api-token", b"good")]),
            ("api-token", "binary", &[("api-token-bin", b"!")]),
            ("authorization", "binary", &[("authorization-bin", b"Z29vZA"), ("api-token", b"good")]),
        ],
    )
    .await;
}

/// C22: bytes that no token can contain make it invalid.
#[tokio::test]
async fn non_token_bytes_are_invalid() {
    all_refused(
        Refused::TOKEN_INVALID,
        &[
            ("api-token", "not_ascii", &[("api-token", "gööd".as_bytes())]),
            ("api-token", "not_ascii", &[("api-token", b"\xff\xfe")]),
            ("api-token", "malformed", &[("api-token", b"good good")]),
            ("api-token", "malformed", &[("api-token", b"good\t")]),
            ("api-token", "malformed", &[("api-token", b"good, good")]),
            ("api-token", "bearer_prefix", &[("api-token", b"Bearer good")]),
            ("authorization", "not_ascii", &[("authorization", b"Bearer g\xc3\xb6d")]),
            ("authorization", "malformed", &[("authorization", b"Bearer Bearer good")]),
        ],
    )
    .await;
}

/// C22: a token above 4 KiB is invalid; one of 9 KiB still gets an answer.
#[tokio::test]
async fn token_above_4_kib_is_invalid() {
    let longest = vec![b'a'; 4096];
    let longer = vec![b'a'; 4097];
    let huge = vec![b'a'; 9 * 1024];
    let bearer = [b"Bearer ", &huge[..]].concat();
    all_refused(
        Refused::TOKEN_INVALID,
        &[
            ("api-token", "too_long", &[("api-token", &longer)]),
            ("api-token", "too_long", &[("api-token", &huge)]),
            ("authorization", "too_long", &[("authorization", &bearer)]),
        ],
    )
    .await;

    let world = World::start(Policy::closed()).await;
    let reply = world.server.raw().await.call(SHOW, &[("api-token", &longest)]).await;
    Refused::TOKEN_INVALID.is_bare(&reply.status());
    assert_eq!(world.auth.count(), 1, "4 KiB can be a token, so the auth service is asked");
}

/// C22: the rejection of a well-formed token does not say what is wrong with it.
#[tokio::test]
async fn well_formed_token_is_refused_without_details() {
    let world = World::start(Policy::closed()).await;
    let raw = world.server.raw().await;
    for token in [&b"forged"[..], b"elsewhere", b"a.b.c", b"eyJhbGciOiJub25lIn0.e30."] {
        Refused::TOKEN_INVALID.is_bare(&raw.call(SHOW, &[("api-token", token)]).await.status());
    }
}
