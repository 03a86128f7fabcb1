//! `users list`: pages through all users, and prints each page as it comes.

use clap::{Args, ValueEnum};
use gatepost::api::auth::v1::{ListUsersRequest, UserFilter, UserState};
use kit::cli::{CommandFailure, DocumentForm, OutputFormat, listing};

use crate::console::client::Client;
use crate::console::rows::UserRow;

/// Users of a page.
const PAGE_SIZE: i32 = 200;

/// Users to list.
#[derive(Clone, Debug, Args)]
pub struct UserSelection {
    /// Only the user with this email address
    #[arg(long)]
    email: Option<String>,
    /// Only users with this role
    #[arg(long)]
    role: Option<String>,
    /// Only users in this state
    #[arg(long)]
    state: Option<SelectedState>,
    /// Largest number of users. Unset: all
    #[arg(long)]
    limit: Option<u32>,
}

/// State of listed users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SelectedState {
    /// The user may log in
    Active,
    /// The user cannot log in
    Disabled,
}

impl UserSelection {
    /// Returns the filter; `None` for all users. Every caller may list without a filter.
    fn filter(&self) -> Option<UserFilter> {
        if self.email.is_none() && self.role.is_none() && self.state.is_none() {
            return None;
        }
        let state = match self.state {
            None => UserState::Unspecified,
            Some(SelectedState::Active) => UserState::Active,
            Some(SelectedState::Disabled) => UserState::Disabled,
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Some(UserFilter { email: text(&self.email), role: text(&self.role), state: state.into() })
    }
}

/// Lists users.
pub(super) async fn list(
    client: &Client,
    selection: UserSelection,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let mut listing = listing(format, DocumentForm::Array);
    let mut left = usize::try_from(selection.limit.unwrap_or(u32::MAX)).unwrap_or(usize::MAX);
    let mut page_token = String::new();
    while left > 0 {
        let page_size = i32::try_from(left).unwrap_or(PAGE_SIZE).min(PAGE_SIZE);
        let request = ListUsersRequest { page_size, page_token, filter: selection.filter() };
        let page = client.call(request, async |services, request| services.users().list_users(request).await).await?;
        let rows: Vec<_> = page.users.into_iter().take(left).map(UserRow::new).collect();
        left -= rows.len();
        listing.rows(&rows)?;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    listing.end::<UserRow>()
}
