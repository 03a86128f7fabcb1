//! `bench timing`: compares the times of refused logins, which must not reveal accounts (C51), and of refused secrets.

use bench::Failure;
use bench::services::{self, Services};
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, DisableUserRequest, LoginRequest};
use gatepost::{Token, WithToken};
use tokio::time::Instant;
use tonic::Code;
use tonic::transport::Channel;

use super::samples::{cropped, median, welch};
use super::{USER_PASSWORD, comparisons, without_limits};

/// Number of logins of each of the two compared kinds.
const LOGINS_PER_KIND: usize = 2000;

const ADMIN_EMAIL: &str = "root@example.com";
const KNOWN_EMAIL: &str = "ada@example.com";
const DISABLED_EMAIL: &str = "bob@example.com";
const UNKNOWN_EMAIL: &str = "eve@example.com";

/// A login that is refused.
struct TriedLogin {
    name: &'static str,
    email: &'static str,
    password: String,
}

/// Prints the table.
#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub(crate) async fn run() -> Result<(), Failure> {
    bench::machine::print("cargo run --release -p bench -- timing");
    let binary = services::build()?;
    let folder = tempfile::tempdir()?;
    let pair = Services::pair(&binary, folder.path(), |command| {
        without_limits(command).env("AUTH_ADMIN_EMAIL", ADMIN_EMAIL).env("AUTH_ADMIN_PASSWORD", USER_PASSWORD)
    })
    .await?;
    register(&pair.auth, KNOWN_EMAIL).await?;
    disable(&pair.auth).await?;
    println!(
        "\n{LOGINS_PER_KIND} logins of each kind, interleaved        median ms  difference     Welch t  of the fastest 95 %"
    );
    println!("{:<43}{:>11}{:>12}{:>12}", "", "", "< 2 %", "< 4.5");
    let wrong = || tried("known user, wrong password", KNOWN_EMAIL, "wrong horse battery staple");
    for other in [
        tried("unknown user", UNKNOWN_EMAIL, "wrong horse battery staple"),
        tried("known user, empty password", KNOWN_EMAIL, ""),
        tried("known user, over-long password", KNOWN_EMAIL, &"x".repeat(4096)),
        tried("disabled user, right password", DISABLED_EMAIL, USER_PASSWORD),
        tried("unknown user, empty password", UNKNOWN_EMAIL, ""),
    ] {
        let [one, two] = compare(&pair.auth, [&wrong(), &other]).await?;
        let difference = (median(&two) - median(&one)) / median(&one) * 100.0;
        println!("{:<43}{:>11.3}", wrong().name, median(&one) * 1000.0);
        let [all, cropped] = [welch(&one, &two), welch(&cropped(&one), &cropped(&two))];
        let median = median(&two) * 1000.0;
        println!("{:<43}{median:>11.3}{difference:>10.2} %{all:>12.2}{cropped:>12.2}", other.name);
    }
    pair.stop()?;
    comparisons::print()
}

fn tried(name: &'static str, email: &'static str, password: &str) -> TriedLogin {
    TriedLogin { name, email, password: password.to_owned() }
}

async fn register(auth: &Channel, email: &str) -> Result<String, Failure> {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: email.into(),
        password: USER_PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let created = UserServiceClient::new(auth.clone()).create_user(request).await?.into_inner();
    Ok(created.user.ok_or("no user")?.id)
}

async fn disable(auth: &Channel) -> Result<(), Failure> {
    let id = register(auth, DISABLED_EMAIL).await?;
    let request = LoginRequest { email: ADMIN_EMAIL.into(), password: USER_PASSWORD.into(), ..LoginRequest::default() };
    let tokens = AuthServiceClient::new(auth.clone()).login(request).await?.into_inner().tokens.ok_or("no tokens")?;
    let token = Token::parse(&tokens.access_token)?;
    let mut users = UserServiceClient::with_interceptor(auth.clone(), WithToken::new(&token));
    users.disable_user(DisableUserRequest { id, etag: String::new() }).await?;
    Ok(())
}

/// Returns the times of both kinds in seconds. The kinds take turns, and each goes first equally often.
async fn compare(auth: &Channel, pair: [&TriedLogin; 2]) -> Result<[Vec<f64>; 2], Failure> {
    let mut took = [Vec::with_capacity(LOGINS_PER_KIND), Vec::with_capacity(LOGINS_PER_KIND)];
    for round in 0..LOGINS_PER_KIND {
        for which in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            took[which].push(login(auth, pair[which]).await?);
        }
    }
    Ok(took)
}

async fn login(auth: &Channel, tried: &TriedLogin) -> Result<f64, Failure> {
    let request =
        LoginRequest { email: tried.email.into(), password: tried.password.clone(), ..LoginRequest::default() };
    let mut client = AuthServiceClient::new(auth.clone());
    let began = Instant::now();
    let refused = client.login(request).await;
    let took = began.elapsed().as_secs_f64();
    match refused {
        Err(status) if status.code() == Code::Unauthenticated => Ok(took),
        other => Err(format!("{}: {:?}", tried.name, other.map(drop)).into()),
    }
}
