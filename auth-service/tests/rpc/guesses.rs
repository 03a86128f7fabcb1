//! Guesses at passwords: many at once, with callers that do not wait, and from a shared address.

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{ChangePasswordRequest, CreateUserRequest, LoginRequest, LoginResponse};
use testkit::Raw;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{EMAIL, PASSWORD, Service, bad_fields, refused, start, with_token};

const WRONG: &str = "a wrong password";
const NOBODY: &str = "nobody@example.com";

/// Returns a client at another address of this machine.
fn elsewhere(service: &Service, last: u8) -> AuthServiceClient<Channel> {
    let channel = Endpoint::from_shared(format!("http://{}", service.address)).unwrap();
    AuthServiceClient::new(channel.local_address(Some([127, 0, 0, last].into())).connect_lazy())
}

async fn register_at(service: &Service, email: &str, last: u8) {
    let channel = Endpoint::from_shared(format!("http://{}", service.address)).unwrap();
    let channel = channel.local_address(Some([127, 0, 0, last].into())).connect_lazy();
    let (name, email, password) = ("Bob".into(), email.into(), PASSWORD.into());
    let request = CreateUserRequest { name, email, password, ..CreateUserRequest::default() };
    UserServiceClient::new(channel).create_user(request).await.unwrap();
}

async fn login(client: &AuthServiceClient<Channel>, email: &str, password: &str) -> Result<(), Status> {
    let request = LoginRequest { email: email.into(), password: password.into(), ..LoginRequest::default() };
    client.clone().login(request).await.map(drop)
}

/// Returns the code of a refusal and the seconds to wait.
fn answer(status: &Status) -> (Code, Option<u64>) {
    let wait = status.get_details_retry_info().and_then(|info| info.retry_delay).map(|delay| delay.as_secs());
    (status.code(), wait)
}

#[tokio::test(flavor = "multi_thread")]
async fn burst_of_guesses_runs_four_at_once() {
    let service = start().await;
    service.register(EMAIL).await.unwrap();
    for email in [EMAIL, NOBODY] {
        let mut all = JoinSet::new();
        for _ in 0..40 {
            let client = elsewhere(&service, 1);
            all.spawn(async move { login(&client, email, WRONG).await.unwrap_err() });
        }
        let statuses = all.join_all().await;
        let checked = statuses.iter().filter(|status| status.code() == Code::Unauthenticated).count();
        // Up to four passwords are checked before they are counted; the count admits a few more afterwards.
        assert!((1..=8).contains(&checked), "{email}: {checked} of 40 were checked");
        assert!(statuses.iter().all(|status| answer(status).1.is_some() || status.code() == Code::Unauthenticated));
    }
}

#[tokio::test]
async fn reset_stream_counts_as_a_guess() {
    let service = start().await;
    service.register(EMAIL).await.unwrap();
    let raw = Raw::connect(service.address).await;
    let request = LoginRequest { email: EMAIL.into(), password: WRONG.into(), ..LoginRequest::default() };
    for _ in 0..25 {
        // Each call ends before its hash ends. On a busy machine some calls end before the hash starts; those are not
        // counted as guesses.
        for _ in 0..20 {
            let asked =
                raw.ask::<LoginResponse>("/gatepost.auth.v1.AuthService/Login", &[("grpc-timeout", "9m")], &request);
            asked.await.unwrap_err();
        }
        // The right password must wait, too. The refusal comes too late for the calls above.
        let answer = service.login(EMAIL, PASSWORD).await;
        let is_refused = |status: Status| status.get_details_error_info().unwrap().reason == "TOO_MANY_ATTEMPTS";
        if answer.is_err_and(is_refused) {
            return;
        }
    }
    panic!("500 guesses without a delay");
}

#[tokio::test]
async fn shared_address_does_not_reveal_accounts() {
    let service = start().await;
    service.register(EMAIL).await.unwrap();
    let (shared, attacker, third) = (elsewhere(&service, 1), elsewhere(&service, 2), elsewhere(&service, 3));
    for email in [EMAIL, NOBODY] {
        for _ in 0..4 {
            assert_eq!(login(&attacker, email, WRONG).await.unwrap_err().code(), Code::Unauthenticated);
        }
    }
    for client in [&attacker, &shared, &third, &shared, &shared, &shared, &shared] {
        let one = answer(&login(client, EMAIL, WRONG).await.unwrap_err());
        assert_eq!(one, answer(&login(client, NOBODY, WRONG).await.unwrap_err()));
    }
}

#[tokio::test]
async fn blocked_account_is_blocked_at_a_shared_address() {
    let service = start().await;
    service.register(EMAIL).await.unwrap();
    let bob = "bob@example.com";
    register_at(&service, bob, 5).await;
    let (home, shared, attacker) = (elsewhere(&service, 5), elsewhere(&service, 1), elsewhere(&service, 2));
    for _ in 0..4 {
        login(&attacker, bob, WRONG).await.unwrap_err();
    }
    // Bob has never logged in from this address: his right password is hashed like any other, and refused.
    let status = login(&shared, bob, PASSWORD).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    login(&home, bob, PASSWORD).await.expect("the user's own address is counted separately");
    service.clock.advance(std::time::Duration::from_secs(2));
    login(&shared, bob, PASSWORD).await.expect("a login after the account has waited");
}

#[tokio::test]
async fn new_password_is_measured_after_the_current_one() {
    let service = start().await;
    let token = service.token().await;
    let change = |current: &str, new: &str| {
        let request = ChangePasswordRequest { current_password: current.into(), new_password: new.into() };
        let request = with_token(request, &token);
        let mut users = service.users();
        async move { users.change_password(request).await.unwrap_err() }
    };
    for _ in 0..4 {
        let status = change(WRONG, "short").await;
        refused(&status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials");
    }
    assert_eq!(answer(&change(WRONG, "short").await), (Code::ResourceExhausted, Some(1)));
    service.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(bad_fields(&change(PASSWORD, "short").await), ["new_password"]);
}
