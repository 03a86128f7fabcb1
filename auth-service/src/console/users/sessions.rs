//! `users sessions`: lists the sessions of a user, or ends them.

use clap::Args;
use gatepost::api::auth::v1::{
    ListSessionsRequest, ListSessionsResponse, RevokeAllSessionsRequest, RevokeSessionRequest, User,
};
use kit::cli::{CommandFailure, DocumentForm, FailureKind, OutputFormat, listing};
use kit::output;

use crate::console::account::{called, find_user};
use crate::console::ask::Consent;
use crate::console::client::Client;
use crate::console::rows::SessionRow;

/// Sessions of a page.
const PAGE_SIZE: i32 = 200;

/// Sessions to end.
#[derive(Clone, Debug, Args)]
pub struct SessionChange {
    /// End the session with this id
    #[arg(long, value_name = "ID", conflicts_with = "revoke_all")]
    revoke: Option<String>,
    /// End all sessions of the user
    #[arg(long)]
    revoke_all: bool,
}

impl SessionChange {
    /// Returns true if the command ends sessions.
    pub(super) fn ends_sessions(&self) -> bool {
        self.revoke.is_some() || self.revoke_all
    }
}

/// Lists or ends sessions.
pub(super) async fn sessions(
    client: &Client,
    named: &str,
    change: SessionChange,
    consent: Consent,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let user = find_user(client, named).await?;
    let called = called(&user);
    if let Some(id) = change.revoke {
        find_session(client, &user, &id).await?;
        consent.ask(&format!("End the session {id} of {called}?")).await?;
        let request = RevokeSessionRequest { id: id.clone() };
        client.call(request, async |services, request| services.sessions().revoke_session(request).await).await?;
        output::err(&format!("The session {id} of {called} is ended."));
        return Ok(());
    }
    if change.revoke_all {
        consent.ask(&format!("End all sessions of {called}?")).await?;
        let request = RevokeAllSessionsRequest { user_id: user.id };
        client.call(request, async |services, request| services.sessions().revoke_all_sessions(request).await).await?;
        output::err(&format!("All sessions of {called} are ended."));
        return Ok(());
    }
    let mut listing = listing(format, DocumentForm::Array);
    let mut page_token = Some(String::new());
    while let Some(token) = page_token {
        let page = page(client, &user, token).await?;
        let rows: Vec<_> = page.sessions.into_iter().map(SessionRow::new).collect();
        listing.rows(&rows)?;
        page_token = Some(page.next_page_token).filter(|token| !token.is_empty());
    }
    listing.end::<SessionRow>()
}

/// Fails if this is not a session of the user, so that an id from another user's list ends nothing.
async fn find_session(client: &Client, user: &User, id: &str) -> Result<(), CommandFailure> {
    let mut page_token = Some(String::new());
    while let Some(token) = page_token {
        let page = page(client, user, token).await?;
        if page.sessions.iter().any(|session| session.id.eq_ignore_ascii_case(id)) {
            return Ok(());
        }
        page_token = Some(page.next_page_token).filter(|token| !token.is_empty());
    }
    let text = format!("{} has no such session: `users sessions` lists them", called(user));
    Err(CommandFailure::new(FailureKind::NotFound, text))
}

async fn page(client: &Client, user: &User, page_token: String) -> Result<ListSessionsResponse, CommandFailure> {
    let request = ListSessionsRequest { user_id: user.id.clone(), page_size: PAGE_SIZE, page_token };
    client.call(request, async |services, request| services.sessions().list_sessions(request).await).await
}
