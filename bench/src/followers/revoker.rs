//! An admin who revokes at a fixed rate, without waiting for the answers.

use std::collections::BTreeMap;
use std::time::Duration;

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::session_service_client::SessionServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, LoginRequest, RevokeAllSessionsRequest};
use gatepost::{Token, WithToken};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};
use tonic::Status;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::Failure;

/// The time from one revocation to the next.
const REVOCATION_INTERVAL: Duration = Duration::from_millis(20);

/// An admin and a user whose sessions the admin ends.
pub(crate) struct Revoker {
    client: SessionServiceClient<InterceptedService<Channel, WithToken>>,
    user: String,
}

impl Revoker {
    /// Registers a user with the admin's password, and logs the admin in.
    pub(crate) async fn log_in(auth: &Channel, admin: &str, password: &str) -> Result<Self, Failure> {
        let request = CreateUserRequest {
            name: "Ada".into(),
            email: "ada@example.com".into(),
            password: password.into(),
            ..CreateUserRequest::default()
        };
        let created = UserServiceClient::new(auth.clone()).create_user(request).await?.into_inner();
        let user = created.user.ok_or("no user")?.id;
        let login = LoginRequest { email: admin.into(), password: password.into(), ..LoginRequest::default() };
        let admin = AuthServiceClient::new(auth.clone()).login(login).await?.into_inner();
        let token = WithToken::new(&Token::parse(&admin.tokens.ok_or("no tokens")?.access_token)?);
        Ok(Self { client: SessionServiceClient::with_interceptor(auth.clone(), token), user })
    }

    /// Revokes 50 times a second, without waiting for the answers.
    pub(crate) async fn revoke(&self, length: Duration) -> Result<RevocationTimes, Failure> {
        let (mut ticks, end) = (interval(REVOCATION_INTERVAL), Instant::now() + length);
        let mut calls = JoinSet::new();
        while Instant::now() < end {
            ticks.tick().await;
            let (mut client, request) = (self.client.clone(), RevokeAllSessionsRequest { user_id: self.user.clone() });
            calls.spawn(async move {
                let began = Instant::now();
                client.revoke_all_sessions(request).await.map(|_| began.elapsed())
            });
        }
        let mut revoked = RevocationTimes { took: Histogram::new(3)?, refusals: BTreeMap::new() };
        while let Some(call) = calls.join_next().await {
            revoked.record(call?)?;
        }
        Ok(revoked)
    }
}

/// Revocations at a fixed rate, by their outcome.
pub(crate) struct RevocationTimes {
    /// Times of the revocations that succeeded, in microseconds.
    pub(crate) took: Histogram<u64>,
    /// Refused revocations by status.
    pub(crate) refusals: BTreeMap<String, u64>,
}

impl RevocationTimes {
    /// Returns a quantile of the times, in milliseconds.
    pub(crate) fn millis(&self, part: f64) -> u64 {
        self.took.value_at_quantile(part) / 1000
    }

    /// Returns the number of refused revocations.
    pub(crate) fn refused(&self) -> u64 {
        self.refusals.values().sum()
    }

    /// Returns the share of the revocations that were refused.
    pub(crate) fn share_refused(&self) -> f64 {
        let [refused, made] = [self.refused(), self.took.len()].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        f64::from(refused) / f64::from(refused.saturating_add(made).max(1))
    }

    fn record(&mut self, call: Result<Duration, Status>) -> Result<(), Failure> {
        match call {
            Ok(took) => self.took.record(u64::try_from(took.as_micros())?)?,
            Err(status) => *self.refusals.entry(format!("{:?}: {}", status.code(), status.message())).or_default() += 1,
        }
        Ok(())
    }
}
