//! `bench replicas`: time until a token revoked at one replica is refused by the other.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bench::Failure;
use bench::services::{self, Services};
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{
    CreateUserRequest, LogoutRequest, RefreshTokenRequest, TokenPair, TokenState, VerifyTokenRequest,
};
use gatepost::{Token, WithToken};
use hdrhistogram::Histogram;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;

use crate::load::millis;

/// Number of revocations, at the two replicas in turns.
const REVOCATION_COUNT: usize = 300;

/// Number of retirements of the signing key.
const KEY_RETIREMENTS: usize = 20;

/// The pause between two requests at the other replica.
const REQUEST_PAUSE: Duration = Duration::from_micros(200);

/// 32 random bytes in base64.
const MASTER_KEY: &str = "kTrnwqz5UFVmpOhbMAm+mjbavM99PHDXrZ78nEu+OIM=";

/// Prints the times.
#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub(crate) async fn run() -> Result<(), Failure> {
    bench::machine::print("cargo run --release -p bench -- replicas");
    let binary = services::build()?;
    let missing = "there is no PostgreSQL";
    let auth = testkit::postgres::database().await.ok_or(missing)?;
    let blogs =
        [testkit::postgres::database().await.ok_or(missing)?, testkit::postgres::database().await.ok_or(missing)?];
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let mut replicas = Vec::new();
    for (blog, folder) in blogs.iter().zip(&folders) {
        replicas.push(
            Services::on_postgres(&binary, folder.path(), [&auth.url, &blog.url], |command| {
                command.env("AUTH_MASTER_KEY", MASTER_KEY).env("AUTH_SIGN_UPS", "0")
            })
            .await?,
        );
    }
    let mut took = Histogram::<u64>::new(3)?;
    for round in 0..REVOCATION_COUNT {
        let (here, there) = (&replicas[round % 2].auth, &replicas[1 - round % 2].auth);
        let tokens = register(here, round).await?;
        // A refresh costs no hash, unlike a login, and shows that both replicas know the session.
        let tokens = refresh(there, tokens.refresh_token).await?;
        let token = tokens.access_token;
        if state(there, &token).await? != TokenState::Active {
            return Err("a good token is refused".into());
        }
        let with_token = WithToken::new(&Token::parse(&token)?);
        AuthServiceClient::with_interceptor(here.clone(), with_token).logout(LogoutRequest {}).await?;
        let acknowledged = Instant::now();
        while state(there, &token).await? == TokenState::Active {
            sleep(REQUEST_PAUSE).await;
        }
        took.record(u64::try_from(acknowledged.elapsed().as_micros())?)?;
    }
    println!("\nrevoked at one replica, refused by the other, {REVOCATION_COUNT} times     target");
    let [median, late, most] = [0.5, 0.99, 1.0].map(|part| millis(&took, part));
    println!("{median:.0} ms (median), {late:.0} ms (99 of 100), {most:.0} ms (most)         <= 500 ms");
    let mut took = Histogram::<u64>::new(3)?;
    for round in 0..KEY_RETIREMENTS {
        let token = register(&replicas[0].auth, REVOCATION_COUNT + round).await?.access_token;
        retire(&binary, &auth.url, &key(&replicas[0].auth, &token).await?)?;
        let retired = Instant::now();
        for replica in &replicas {
            while state(&replica.auth, &token).await? == TokenState::Active {
                sleep(REQUEST_PAUSE).await;
            }
        }
        took.record(u64::try_from(retired.elapsed().as_micros())?)?;
    }
    println!("its key retired by command, refused by both, {KEY_RETIREMENTS} times");
    let [median, most] = [0.5, 1.0].map(|part| millis(&took, part));
    println!("{median:.0} ms (median), {most:.0} ms (most)                             <= 500 ms");
    replicas.into_iter().try_for_each(Services::stop)
}

/// Returns the id of the key that signed the token.
async fn key(auth: &Channel, token: &str) -> Result<String, Failure> {
    let request = VerifyTokenRequest { token: token.to_owned() };
    let answer = TokenServiceClient::new(auth.clone()).verify_token(request).await?.into_inner();
    Ok(answer.claims.ok_or("the token is not good")?.key_id)
}

/// Retires a key, as an operator does.
fn retire(binary: &Path, database: &str, id: &str) -> Result<(), Failure> {
    let mut command = Command::new(binary);
    command.args(["keys", "retire", id]).env("AUTH_DATABASE_URL", database).env("AUTH_MASTER_KEY", MASTER_KEY);
    let output = command.output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

async fn register(auth: &Channel, round: usize) -> Result<TokenPair, Failure> {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: format!("user{round}@example.com"),
        password: "correct horse battery staple".into(),
        ..CreateUserRequest::default()
    };
    let created = UserServiceClient::new(auth.clone()).create_user(request).await?.into_inner();
    created.tokens.ok_or_else(|| "no tokens".into())
}

async fn refresh(auth: &Channel, refresh_token: String) -> Result<TokenPair, Failure> {
    let answer = AuthServiceClient::new(auth.clone())
        .refresh_token(RefreshTokenRequest { refresh_token, ..RefreshTokenRequest::default() })
        .await?;
    answer.into_inner().tokens.ok_or_else(|| "no tokens".into())
}

async fn state(auth: &Channel, token: &str) -> Result<TokenState, Failure> {
    let request = VerifyTokenRequest { token: token.to_owned() };
    Ok(TokenServiceClient::new(auth.clone()).verify_token(request).await?.into_inner().state())
}
