//! A client's session renews itself, with the real services and their clock; the client's own clock is the test's.

use std::time::{Duration, SystemTime};

use blog_service::api::v1::ListPostsRequest;
use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::{LogoutRequest, TokenPair};
use gatepost::{NoToken, TokenSource, Uptime};
use testkit::proxy::Proxy;

use super::story::{channel, register, session};
use super::support::{Outcome, Pair, folder};

/// Default lifetime of an access token.
const DAY: Duration = Duration::from_hours(24);

/// Returns the session of these tokens, with a clock that starts at their issue.
fn source(address: &str, tokens: TokenPair) -> (TokenSource, Uptime) {
    let uptime = Uptime::manual();
    let expires = SystemTime::try_from(tokens.access_expire_time.unwrap()).unwrap();
    (TokenSource::with_clock(channel(address), tokens, uptime.clone(), expires - DAY), uptime)
}

async fn reads_posts(pair: &Pair, source: &TokenSource) -> Result<(), tonic::Status> {
    let mut posts = PostServiceClient::new(source.wrap(channel(&pair.blog)));
    posts.list_posts(ListPostsRequest::default()).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn session_is_renewed_until_its_logout() -> Outcome {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    register(&pair).await?;
    let (source, uptime) = source(&pair.auth, session(&pair).await?);
    let mut last = source.token().await?;
    reads_posts(&pair, &source).await?;
    for _ in 0..3 {
        // By this clock the token has expired. The services' own clock has not moved, so the next one is good there.
        uptime.advance(DAY * 2);
        let next = source.token().await?;
        assert!(next.expose() != last.expose(), "another token");
        reads_posts(&pair, &source).await?;
        last = next;
    }
    AuthServiceClient::new(source.wrap(channel(&pair.auth))).logout(LogoutRequest {}).await?;
    source.forget(&last);
    let over = source.token().await.err().unwrap();
    assert!(matches!(over, NoToken::Ended(reason) if reason.as_str_name() == "ERROR_REASON_REFRESH_TOKEN_INVALID"));
    assert_eq!(reads_posts(&pair, &source).await.unwrap_err().message(), "the session is over, log in again");
    pair.stop();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answer_costs_no_session() -> Outcome {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    register(&pair).await?;
    let network = Proxy::to_address(pair.auth.parse()?);
    let (source, uptime) = source(&network.address().to_string(), session(&pair).await?);
    uptime.advance(DAY);
    // `gpr_` is the prefix of every refresh token: the request arrives, and its answer is lost.
    network.cut_on_answer_of(b"gpr_");
    assert_eq!(source.token().await.err(), Some(NoToken::Unavailable));
    network.fired().await;
    // The next attempt starts by itself, and a call waits for an attempt that is under way.
    while source.token().await.is_err() {
        tokio::task::yield_now().await;
    }
    reads_posts(&pair, &source).await?;
    uptime.advance(DAY);
    assert!(source.token().await.is_ok(), "the session continues with the new tokens");
    pair.stop();
    Ok(())
}
