//! `UserService`: registration, users, roles and password changes.

use std::sync::Arc;

use gatepost::api::auth::v1::user_service_server::UserService;
use gatepost::api::auth::v1::{
    BatchGetUsersRequest, BatchGetUsersResponse, ChangePasswordRequest, ChangePasswordResponse,
    CompletePasswordResetRequest, CompletePasswordResetResponse, CreateUserRequest, CreateUserResponse,
    DeleteUserRequest, DeleteUserResponse, DisableUserRequest, DisableUserResponse, EnableUserRequest,
    EnableUserResponse, GetMeRequest, GetMeResponse, GetUserRequest, GetUserResponse, ListUsersRequest,
    ListUsersResponse, ResetPasswordRequest, ResetPasswordResponse, SetUserRolesRequest, SetUserRolesResponse,
    UnlockUserRequest, UnlockUserResponse, UpdateUserRequest, UpdateUserResponse, User,
};
use kit::etag;
use kit::failure::both;
use kit::page::{self, PageRequest, PageRow};
use kit::peer::CallerResolver;
use kit::serve::Room;
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::caller::{caller, user_id};
use crate::app::login_activity::Logins;
use crate::app::{App, Caller, password, password_reset, register, users};
use crate::convert;
use crate::domain::{AuditContext, Password, User as Account, UserId, UserState};
use crate::error::AuthError;

/// Bytes reserved for each user of a list. Only users with many roles need more.
const ROW_BYTES: usize = 1024;

/// Largest number of ids in a batch.
const MAX_BATCH: usize = 100;

pub(super) struct UserRpc {
    pub(super) app: Arc<App>,
    pub(super) callers: CallerResolver,
}

impl UserRpc {
    async fn set_state(
        &self,
        caller: Caller,
        context: &AuditContext,
        id: &str,
        etag: &str,
        to: UserState,
    ) -> Result<Option<User>, AuthError> {
        let id = user_id(caller, "id", id)?;
        let user = users::set_state(&self.app, context, id, to, etag::expected(etag)).await?;
        Ok(Some(seen(caller, user)))
    }
}

#[tonic::async_trait]
impl UserService for UserRpc {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Result<Response<CreateUserResponse>, Status> {
        // Open registration reads no token, so the caller is known only under closed registration.
        let caller = caller(&request).ok();
        let context = convert::context(&request, &self.callers);
        // This comes first, since the policy check of the password is the most expensive step.
        if caller.is_none() {
            self.app.attempts.sign_up(&context.client).await?;
        }
        let registrant = convert::registrant(request.into_inner(), self.app.passwords)?;
        let registered = register::register(&self.app, caller, &context, registrant).await?;
        Ok(Response::new(convert::registered(registered)))
    }

    async fn get_me(&self, request: Request<GetMeRequest>) -> Result<Response<GetMeResponse>, Status> {
        let caller = caller(&request)?;
        let user = users::me(&self.app, caller).await?;
        Ok(Response::new(GetMeResponse { user: Some(seen(caller, user)) }))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let caller = caller(&request)?;
        let user = users::get(&self.app, user_id(caller, "id", &request.into_inner().id)?).await?;
        let logins = users::logins(&self.app, caller, &[&user]).await?;
        Ok(Response::new(GetUserResponse { user: Some(seen_with_logins(caller, user, &logins)) }))
    }

    async fn batch_get_users(
        &self,
        request: Request<BatchGetUsersRequest>,
    ) -> Result<Response<BatchGetUsersResponse>, Status> {
        let caller = caller(&request)?;
        Room::from_request(&request)
            .reserve(request.get_ref().ids.len().saturating_mul(ROW_BYTES).min(page::MAX_PAGE_BYTES))
            .await?;
        let texts = request.into_inner().ids;
        let ids = batch(caller, &texts)?;
        let mut found = users::get_many(&self.app, &ids).await?;
        let logins = users::logins(&self.app, caller, &found.values().collect::<Vec<_>>()).await?;
        let mut answer = BatchGetUsersResponse::default();
        for (id, text) in ids.into_iter().zip(texts) {
            match found.remove(&id) {
                Some(user) => answer.users.push(seen_with_logins(caller, user, &logins)),
                None => answer.missing_ids.push(text),
            }
        }
        Ok(Response::new(answer))
    }

    async fn list_users(&self, request: Request<ListUsersRequest>) -> Result<Response<ListUsersResponse>, Status> {
        let caller = caller(&request)?;
        Room::from_request(&request).reserve(page::max_bytes(request.get_ref().page_size, ROW_BYTES)).await?;
        let ListUsersRequest { filter, page_size, page_token } = request.into_inner();
        if filter.is_some() {
            caller.require_admin()?;
        }
        let (size, filter) = both(convert::page_size(page_size), convert::filter(filter))?;
        let wanted = PageRequest { scope: &convert::scope(&filter), size, token: &page_token };
        let page = users::list(&self.app, caller, &filter, wanted, |user, logins| {
            let (id, item) = (user.id, seen_with_logins(caller, user, logins));
            PageRow { id, bytes: item.encoded_len(), item }
        })
        .await?;
        Ok(Response::new(ListUsersResponse { users: page.items, next_page_token: page.next_page_token }))
    }

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Result<Response<UpdateUserResponse>, Status> {
        let caller = caller(&request)?;
        let context = convert::context(&request, &self.callers);
        let request = request.into_inner();
        let (id, update) = both(user_id(caller, "id", &request.id), convert::user_update(request))?;
        let user = users::update(&self.app, caller, &context, id, update).await?;
        Ok(Response::new(UpdateUserResponse { user: Some(seen(caller, user)) }))
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let caller = caller(&request)?;
        let context = convert::context(&request, &self.callers);
        let ChangePasswordRequest { current_password, new_password } = request.into_inner();
        let current = Password::new(current_password);
        let tokens = password::change(&self.app, caller, &context, current, new_password).await?;
        Ok(Response::new(ChangePasswordResponse { tokens: Some(convert::tokens(tokens)) }))
    }

    async fn delete_user(&self, request: Request<DeleteUserRequest>) -> Result<Response<DeleteUserResponse>, Status> {
        let (caller, context) = (caller(&request)?, convert::context(&request, &self.callers));
        let DeleteUserRequest { id, etag } = request.into_inner();
        users::delete(&self.app, caller, &context, user_id(caller, "id", &id)?, etag::expected(&etag)).await?;
        Ok(Response::new(DeleteUserResponse {}))
    }

    async fn set_user_roles(
        &self,
        request: Request<SetUserRolesRequest>,
    ) -> Result<Response<SetUserRolesResponse>, Status> {
        let (caller, context) = (caller(&request)?, convert::context(&request, &self.callers));
        let SetUserRolesRequest { id, roles, etag } = request.into_inner();
        let (id, roles) = both(user_id(caller, "id", &id), convert::roles(&roles))?;
        let user = users::set_roles(&self.app, &context, id, &roles, etag::expected(&etag)).await?;
        Ok(Response::new(SetUserRolesResponse { user: Some(seen(caller, user)) }))
    }

    async fn disable_user(
        &self,
        request: Request<DisableUserRequest>,
    ) -> Result<Response<DisableUserResponse>, Status> {
        let (caller, context) = (caller(&request)?, convert::context(&request, &self.callers));
        let DisableUserRequest { id, etag } = request.into_inner();
        let user = self.set_state(caller, &context, &id, &etag, UserState::Disabled).await?;
        Ok(Response::new(DisableUserResponse { user }))
    }

    async fn enable_user(&self, request: Request<EnableUserRequest>) -> Result<Response<EnableUserResponse>, Status> {
        let (caller, context) = (caller(&request)?, convert::context(&request, &self.callers));
        let EnableUserRequest { id, etag } = request.into_inner();
        let user = self.set_state(caller, &context, &id, &etag, UserState::Active).await?;
        Ok(Response::new(EnableUserResponse { user }))
    }

    async fn reset_password(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Result<Response<ResetPasswordResponse>, Status> {
        let (caller, context) = (caller(&request)?, convert::context(&request, &self.callers));
        let ResetPasswordRequest { id, new_password } = request.into_inner();
        let id = user_id(caller, "id", &id)?;
        if new_password.is_empty() {
            let issued = password_reset::issue_code(&self.app, &context, id).await?;
            return Ok(Response::new(convert::reset_code(&issued)));
        }
        password_reset::set_password(&self.app, &context, id, new_password).await?;
        Ok(Response::new(ResetPasswordResponse::default()))
    }

    async fn complete_password_reset(
        &self,
        request: Request<CompletePasswordResetRequest>,
    ) -> Result<Response<CompletePasswordResetResponse>, Status> {
        let context = convert::context(&request, &self.callers);
        let CompletePasswordResetRequest { code, new_password } = request.into_inner();
        let tokens = password_reset::complete(&self.app, &context, &code, new_password).await?;
        Ok(Response::new(CompletePasswordResetResponse { tokens: Some(convert::tokens(tokens)) }))
    }

    async fn unlock_user(&self, request: Request<UnlockUserRequest>) -> Result<Response<UnlockUserResponse>, Status> {
        let (caller, context) = (caller(&request)?, convert::context(&request, &self.callers));
        password_reset::unlock(&self.app, &context, user_id(caller, "id", &request.get_ref().id)?).await?;
        Ok(Response::new(UnlockUserResponse {}))
    }
}

/// Returns the user as the caller may see it, with the logins that were read for an admin.
fn seen_with_logins(caller: Caller, user: Account, logins: &Logins) -> User {
    let activity = logins.get(&user.id).copied().unwrap_or_default();
    convert::with_logins(seen(caller, user), activity)
}

/// Returns the user as the caller may see it. Only the user and admins see email and roles.
fn seen(caller: Caller, user: Account) -> User {
    let in_full = caller.owns(user.id);
    convert::user(user, in_full)
}

/// Parses the ids of a batch.
fn batch(caller: Caller, texts: &[String]) -> Result<Vec<UserId>, AuthError> {
    if texts.len() > MAX_BATCH {
        return Err(AuthError::violation("ids", "must be at most 100 ids"));
    }
    let mut ids: Vec<UserId> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let field = format!("ids[{index}]");
        let id = user_id(caller, field.clone(), text)?;
        if ids.contains(&id) {
            return Err(AuthError::violation(field, "must be listed once"));
        }
        ids.push(id);
    }
    Ok(ids)
}
