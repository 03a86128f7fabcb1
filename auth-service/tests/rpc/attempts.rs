//! Limits of wrong passwords and registrations, for existing and unknown accounts.

use std::net::IpAddr;
use std::time::Duration;

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::{ChangePasswordRequest, CreateUserRequest, LoginRequest, UpdateUserRequest, UserPatch};
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{EMAIL, PASSWORD, Service, Settings, refused, start, start_with, with_token};

const WRONG: &str = "a wrong password";

/// Returns the number of seconds for which the answer tells the caller to wait.
#[track_caller]
fn wait_seconds(status: &Status) -> u64 {
    let wait = status.get_details_retry_info().unwrap().retry_delay.unwrap().as_secs();
    let message = format!("too many attempts, try again in {wait} s");
    refused(status, Code::ResourceExhausted, "TOO_MANY_ATTEMPTS", &message);
    wait
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

#[track_caller]
fn wrong(status: &Status) {
    refused(status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials");
}

async fn fail(service: &Service, email: &str) -> Status {
    service.login(email, WRONG).await.unwrap_err()
}

/// C52: an account has a longer wait after each wrong password, even if it does not exist.
#[tokio::test]
async fn wrong_passwords_delay_known_and_unknown_accounts() {
    let service = start().await;
    service.register(EMAIL).await.unwrap();
    for email in [EMAIL, "nobody@example.com"] {
        for _ in 0..4 {
            wrong(&fail(&service, email).await);
        }
        for wait in [1, 2, 4] {
            assert_eq!(wait_seconds(&fail(&service, email).await), wait);
            let status = service.login(email, PASSWORD).await.unwrap_err();
            assert_eq!(wait_seconds(&status), wait, "the right password must wait, too");
            service.clock.advance(Duration::from_millis(wait * 1000 - 1));
            assert_eq!(wait_seconds(&fail(&service, email).await), 1, "the remaining time is rounded up");
            service.clock.advance(Duration::from_millis(1));
            wrong(&fail(&service, email).await);
        }
    }
    service.clock.advance(Duration::from_secs(8));
    service.login(EMAIL, PASSWORD).await.unwrap();
    for _ in 0..4 {
        wrong(&fail(&service, EMAIL).await);
    }
    assert_eq!(wait_seconds(&fail(&service, EMAIL).await), 1, "the right password resets the count");
}

/// C52: after the maximum number of wrong passwords an account waits for a day.
#[tokio::test]
async fn wrong_passwords_delay_a_day_at_most() {
    let flags = &["--free-failures", "2", "--longest-wait", "3s", "--most-failures", "5"];
    let service = start_with(Settings { flags, ..Settings::default() }).await;
    service.register(EMAIL).await.unwrap();
    for wait in [0, 0, 1, 2, 3] {
        service.clock.advance(Duration::from_secs(wait));
        wrong(&fail(&service, EMAIL).await);
    }
    assert_eq!(wait_seconds(&fail(&service, EMAIL).await), 24 * 3600);
    service.clock.advance(Duration::from_hours(24));
    assert!(service.login(EMAIL, PASSWORD).await.is_ok());
}

/// C52: an address has a burst of wrong passwords, then some a minute.
#[tokio::test]
async fn address_has_a_burst_of_wrong_passwords() {
    let flags = &["--address-failures", "5", "--address-failures-per-minute", "30"];
    let service = start_with(Settings { flags, ..Settings::default() }).await;
    service.register(EMAIL).await.unwrap();
    for number in 0..5 {
        wrong(&fail(&service, &format!("user{number}@example.com")).await);
    }
    assert_eq!(wait_seconds(&fail(&service, "another@example.com").await), 2);
    assert_eq!(wait_seconds(&service.login(EMAIL, PASSWORD).await.unwrap_err()), 2);
    service.clock.advance(Duration::from_secs(2));
    for _ in 0..9 {
        service.login(EMAIL, PASSWORD).await.unwrap();
    }
    wrong(&fail(&service, "another@example.com").await);
    assert_eq!(wait_seconds(&fail(&service, "another@example.com").await), 2, "only wrong passwords count");
}

/// C52, C54: an address has a burst of registrations. Requests with `validate_only` count too.
#[tokio::test]
async fn address_has_a_burst_of_registrations() {
    let flags = &["--sign-ups", "2", "--sign-ups-per-minute", "60"];
    let service = start_with(Settings { flags, ..Settings::default() }).await;
    service.register(EMAIL).await.unwrap();
    let trial = CreateUserRequest {
        name: "Bob".into(),
        email: EMAIL.into(),
        password: PASSWORD.into(),
        validate_only: true,
        ..CreateUserRequest::default()
    };
    assert_eq!(service.users().create_user(trial.clone()).await.unwrap_err().code(), Code::AlreadyExists);
    assert_eq!(wait_seconds(&service.users().create_user(trial).await.unwrap_err()), 1);
    assert_eq!(wait_seconds(&service.register("bob@example.com").await.unwrap_err()), 1);
    service.clock.advance(Duration::from_secs(1));
    service.register("bob@example.com").await.unwrap();
}

/// C53: guesses from other addresses do not lock a user out of a known address.
#[tokio::test]
async fn guesses_elsewhere_do_not_lock_a_known_address() {
    let service = start().await;
    service.register(EMAIL).await.unwrap();
    let elsewhere: IpAddr = [127, 0, 0, 2].into();
    let channel = Endpoint::from_shared(format!("http://{}", service.address)).unwrap();
    let mut attacker = AuthServiceClient::new(channel.local_address(Some(elsewhere)).connect_lazy());
    let guess =
        |password: &str| LoginRequest { email: EMAIL.into(), password: password.into(), ..LoginRequest::default() };
    for _ in 0..4 {
        wrong(&attacker.login(guess(WRONG)).await.unwrap_err());
    }
    wait_seconds(&attacker.login(guess(PASSWORD)).await.unwrap_err());
    service.login(EMAIL, PASSWORD).await.expect("the user's own address is counted separately");
    wait_seconds(&attacker.login(guess(PASSWORD)).await.unwrap_err());
}

/// A stolen token gives no extra guesses, and guesses with it block no login.
#[tokio::test]
async fn stolen_token_neither_guesses_nor_blocks_logins() {
    let service = start().await;
    let token = service.token().await;
    let change = |current: &str| {
        let new_password = "purple monkey dishwasher tango".into();
        let request = ChangePasswordRequest { current_password: current.into(), new_password };
        let request = with_token(request, &token);
        let mut users = service.users();
        async move { users.change_password(request).await.map(drop) }
    };
    for _ in 0..4 {
        wrong(&change(WRONG).await.unwrap_err());
    }
    wait_seconds(&change(PASSWORD).await.unwrap_err());
    service.login(EMAIL, PASSWORD).await.unwrap();
    service.clock.advance(Duration::from_secs(1));
    change(PASSWORD).await.unwrap();
}

/// Concurrent attempts on an account with failures cannot bypass the count.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_attempts_do_not_pass_the_count() {
    let service = std::sync::Arc::new(start().await);
    service.register(EMAIL).await.unwrap();
    wrong(&fail(&service, EMAIL).await);
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let service = std::sync::Arc::clone(&service);
        all.spawn(async move { fail(&service, EMAIL).await });
    }
    let mut checked = 0;
    while let Some(status) = all.join_next().await {
        match status.unwrap() {
            status if status.code() == Code::Unauthenticated => checked += 1,
            status if reason(&status) == "OVERLOADED" => {}
            status => assert_eq!(wait_seconds(&status), 1),
        }
    }
    assert_eq!(checked, 3, "with the first attempt, four");
}

#[tokio::test]
async fn limits_can_be_switched_off() {
    let flags = &["--free-failures", "0", "--address-failures", "0", "--sign-ups", "0"];
    let service = start_with(Settings { flags, ..Settings::default() }).await;
    for _ in 0..60 {
        wrong(&fail(&service, EMAIL).await);
    }
}

/// C54: an email change reveals no more than registrations do.
#[tokio::test]
async fn email_change_reveals_no_more_than_registration() {
    let flags = &["--sign-ups", "4", "--sign-ups-per-minute", "60"];
    let service = start_with(Settings { flags, ..Settings::default() }).await;
    let ada = service.account(EMAIL).await;
    service.register("bob@example.com").await.unwrap();
    let ask = || {
        let patch = UserPatch { name: None, email: Some("bob@example.com".into()) };
        let request = UpdateUserRequest {
            id: "me".into(),
            patch: Some(patch),
            current_password: PASSWORD.into(),
            ..UpdateUserRequest::default()
        };
        let request = with_token(request, &ada.token);
        let mut users = service.users();
        async move { users.update_user(request).await.unwrap_err() }
    };
    for _ in 0..2 {
        assert_eq!(ask().await.code(), Code::AlreadyExists);
    }
    assert_eq!(wait_seconds(&ask().await), 1);
}
