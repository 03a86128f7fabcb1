//! `UserService`: who has an account, one idea a file.

mod admin;
mod change;
mod password;
mod read;
mod register;

use std::sync::Arc;

use gatepost::api::auth::v1::user_service_server::UserService;
use gatepost::api::auth::v1::{
    BatchGetUsersRequest, BatchGetUsersResponse, ChangePasswordRequest, ChangePasswordResponse, CreateUserRequest,
    CreateUserResponse, DeleteUserRequest, DeleteUserResponse, DisableUserRequest, DisableUserResponse,
    EnableUserRequest, EnableUserResponse, GetMeRequest, GetMeResponse, GetUserRequest, GetUserResponse,
    ListUsersRequest, ListUsersResponse, SetUserRolesRequest, SetUserRolesResponse, UpdateUserRequest,
    UpdateUserResponse,
};
use kit::page;
use kit::serve::Room;
use tonic::{Request, Response, Status};

use super::caller::Caller;
use crate::app::State;
use crate::app::attempts;
use crate::convert;
use crate::domain::UserState;

/// Bytes that are reserved for each user of a list. Few users with many roles take more.
const ROW_BYTES: usize = 1024;

pub(super) struct UserRpc(pub(super) Arc<State>);

#[tonic::async_trait]
impl UserService for UserRpc {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Result<Response<CreateUserResponse>, Status> {
        // While registration is open nobody looked at the token; a caller is known only where it is closed.
        let caller = Caller::of(&request).ok();
        let client = convert::client(&request, &self.0.callers);
        // Before anything else, since to judge a password costs more than all the rest.
        if caller.is_none() {
            attempts::sign_up(&self.0, &client).await?;
        }
        let registrant = convert::registrant(request.into_inner(), self.0.passwords)?;
        Ok(Response::new(register::create(&self.0, caller, &client, registrant).await?))
    }

    async fn get_me(&self, request: Request<GetMeRequest>) -> Result<Response<GetMeResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(GetMeResponse { user: Some(read::me(&self.0, caller).await?) }))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let caller = Caller::of(&request)?;
        let user = read::one(&self.0, caller, &request.into_inner().id).await?;
        Ok(Response::new(GetUserResponse { user: Some(user) }))
    }

    async fn batch_get_users(
        &self,
        request: Request<BatchGetUsersRequest>,
    ) -> Result<Response<BatchGetUsersResponse>, Status> {
        let caller = Caller::of(&request)?;
        Room::of(&request).reserve(request.get_ref().ids.len().saturating_mul(ROW_BYTES).min(page::MAX_BYTES)).await?;
        Ok(Response::new(read::some(&self.0, caller, request.into_inner()).await?))
    }

    async fn list_users(&self, request: Request<ListUsersRequest>) -> Result<Response<ListUsersResponse>, Status> {
        let caller = Caller::of(&request)?;
        Room::of(&request).reserve(page::max_bytes(request.get_ref().page_size, ROW_BYTES)).await?;
        Ok(Response::new(read::page(&self.0, caller, request.into_inner()).await?))
    }

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Result<Response<UpdateUserResponse>, Status> {
        let caller = Caller::of(&request)?;
        let client = convert::client(&request, &self.0.callers);
        let user = change::update(&self.0, caller, &client, request.into_inner()).await?;
        Ok(Response::new(UpdateUserResponse { user: Some(user) }))
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let caller = Caller::of(&request)?;
        let client = convert::client(&request, &self.0.callers);
        let tokens = password::change(&self.0, caller, &client, request.into_inner()).await?;
        Ok(Response::new(ChangePasswordResponse { tokens: Some(tokens) }))
    }

    async fn delete_user(&self, request: Request<DeleteUserRequest>) -> Result<Response<DeleteUserResponse>, Status> {
        let caller = Caller::of(&request)?;
        change::delete(&self.0, caller, request.into_inner()).await?;
        Ok(Response::new(DeleteUserResponse {}))
    }

    async fn set_user_roles(
        &self,
        request: Request<SetUserRolesRequest>,
    ) -> Result<Response<SetUserRolesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let user = admin::set_roles(&self.0, caller, request.into_inner()).await?;
        Ok(Response::new(SetUserRolesResponse { user: Some(user) }))
    }

    async fn disable_user(
        &self,
        request: Request<DisableUserRequest>,
    ) -> Result<Response<DisableUserResponse>, Status> {
        let caller = Caller::of(&request)?;
        let DisableUserRequest { id, etag } = request.into_inner();
        let user = admin::set_state(&self.0, caller, &id, &etag, UserState::Disabled).await?;
        Ok(Response::new(DisableUserResponse { user: Some(user) }))
    }

    async fn enable_user(&self, request: Request<EnableUserRequest>) -> Result<Response<EnableUserResponse>, Status> {
        let caller = Caller::of(&request)?;
        let EnableUserRequest { id, etag } = request.into_inner();
        let user = admin::set_state(&self.0, caller, &id, &etag, UserState::Active).await?;
        Ok(Response::new(EnableUserResponse { user: Some(user) }))
    }
}
