//! Two tabs share a session and always refresh at the same moment.

use std::path::Path;

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, RefreshTokenRequest};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::super::DRILL_PASSWORD;
use crate::Failure;
use crate::services::Services;

/// Refreshes this many times in two tabs at once, and returns a line for each figure.
///
/// # Errors
/// Fails if the scenario itself cannot continue.
pub async fn run(program: &Path, rounds: usize) -> Result<Vec<String>, Failure> {
    let folder = tempfile::tempdir()?;
    let pair = Services::pair(program, folder.path(), |command| command).await?;
    let (name, email, password) = ("Ada".to_owned(), "ada@example.com".to_owned(), DRILL_PASSWORD.to_owned());
    let request = CreateUserRequest { name, email, password, ..CreateUserRequest::default() };
    let answer = UserServiceClient::new(pair.auth.clone()).create_user(request).await?.into_inner();
    let first = answer.tokens.ok_or("a registration without tokens")?.refresh_token;
    let tabs = pair.connections(2).await?;
    // The current token and the two before it. The service still recognizes them, since it knows the last sixteen.
    let [mut token, mut parent, mut stolen] = [first, String::new(), String::new()];
    let (mut survived, mut branches) = (0, 0);
    for _ in 0..rounds {
        let (one, other) = tokio::join!(refresh(&tabs[0], &token), refresh(&tabs[1], &token));
        let (Ok(one), Ok(other)) = (one, other) else { break };
        survived += 1;
        branches += usize::from(one != other);
        (stolen, parent, token) = (parent, token, one);
    }
    let refused = refresh(&tabs[0], &stolen).await;
    let is_found = refused.is_err_and(|status| status.code() == Code::Unauthenticated);
    let is_ended = refresh(&tabs[1], &token).await.is_err();
    pair.stop()?;
    Ok(vec![
        format!("rounds of two tabs that the session survives: {survived} of {rounds}"),
        format!("rounds with two successors: {branches}"),
        format!("an old token is found and ends the session: {}", is_found && is_ended),
    ])
}

async fn refresh(tab: &Channel, token: &str) -> Result<String, Status> {
    let request = RefreshTokenRequest { refresh_token: token.to_owned(), ..RefreshTokenRequest::default() };
    let answer = AuthServiceClient::new(tab.clone()).refresh_token(request).await?.into_inner();
    Ok(answer.tokens.map(|tokens| tokens.refresh_token).unwrap_or_default())
}
