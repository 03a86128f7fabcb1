//! Look-up of active admins, for the start and for `doctor`.

use crate::domain::{Role, UserState};
use crate::store::{AuthStore, Filter, StoreError};

/// Returns `true` if an active user is an admin.
pub(crate) async fn has_admin(store: &AuthStore) -> Result<bool, StoreError> {
    let admins = Filter { role: Role::parse(Role::ADMIN), state: Some(UserState::Active), ..Filter::default() };
    Ok(!store.list_users(&admins, None, 1).await?.is_empty())
}
