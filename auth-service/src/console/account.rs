//! Finds the user that an argument names.

use gatepost::api::auth::v1::{GetMeRequest, GetUserRequest, ListUsersRequest, User, UserFilter};
use kit::cli::{CommandFailure, FailureKind, shown_text};
use uuid::Uuid;

use super::client::Client;
use super::rows::UserRow;

/// Word that stands for the caller.
const ME: &str = "me";

/// Help of an argument that names a user.
pub(super) const USER_HELP: &str = "Email address or id of the user, or me";

/// Returns the user that this email address, this id or `me` names.
///
/// # Errors
/// Fails if there is no such user.
pub(super) async fn find_user(client: &Client, named: &str) -> Result<User, CommandFailure> {
    let user = if named == ME {
        client.call(GetMeRequest {}, async |services, request| services.users().get_me(request).await).await?.user
    } else if named.contains('@') {
        let filter = Some(UserFilter { email: named.to_owned(), ..UserFilter::default() });
        let request = ListUsersRequest { filter, page_size: 1, ..ListUsersRequest::default() };
        let found = client.call(request, async |services, request| services.users().list_users(request).await).await?;
        found.users.into_iter().next()
    } else {
        let id = named.parse::<Uuid>();
        let id =
            id.map_err(|_| CommandFailure::usage("USER must be an email address, a user's id, or me"))?.to_string();
        let request = GetUserRequest { id };
        client.call(request, async |services, request| services.users().get_user(request).await).await?.user
    };
    let missing =
        || CommandFailure::new(FailureKind::NotFound, "there is no such user: check the email address or the id");
    user.ok_or_else(missing)
}

/// Returns the user's present state, for the output of a command that has changed it.
///
/// # Errors
/// Fails as the call does.
pub(super) async fn user_row(client: &Client, id: &str) -> Result<UserRow, CommandFailure> {
    let request = GetUserRequest { id: id.to_owned() };
    let found = client.call(request, async |services, request| services.users().get_user(request).await).await?;
    Ok(UserRow::new(found.user.unwrap_or_default()))
}

/// Returns the name of a user for a question: the email address with the id.
pub(super) fn called(user: &User) -> String {
    shown_text(&if user.email.is_empty() { user.id.clone() } else { format!("{} ({})", user.email, user.id) })
}
