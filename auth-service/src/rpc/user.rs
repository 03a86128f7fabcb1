//! `UserService`: who has an account.

use std::sync::Arc;

use gatepost::api::auth::v1::user_service_server::UserService;
use gatepost::api::auth::v1::{CreateUserRequest, CreateUserResponse, GetMeRequest, GetMeResponse};
use gatepost::{Denial, Refusal};
use tonic::{Request, Response, Status};

use super::caller;
use crate::config::Registration;
use crate::convert::{self, Registrant};
use crate::domain::{NewUser, Roles};
use crate::error::Error;
use crate::state::State;
use crate::store::Created;

pub(super) struct UserRpc(pub(super) Arc<State>);

#[tonic::async_trait]
impl UserService for UserRpc {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Result<Response<CreateUserResponse>, Status> {
        // Closed registration has let only an admin in, who is not to hold the new user's tokens.
        let logs_in = self.0.registration == Registration::Open;
        let registrant = convert::registrant(request.into_inner(), self.0.passwords)?;
        Ok(Response::new(create_user(&self.0, registrant, logs_in).await?))
    }

    async fn get_me(&self, request: Request<GetMeRequest>) -> Result<Response<GetMeResponse>, Status> {
        let (id, _) = caller(&request)?;
        let user = self.0.store.user(id).await.map_err(Error::from)?;
        let user = user.ok_or(Error::Refused(Refusal::Token(Denial::UserDeleted)))?;
        Ok(Response::new(GetMeResponse { user: Some(convert::user(&user)) }))
    }
}

async fn create_user(state: &State, registrant: Registrant, logs_in: bool) -> Result<CreateUserResponse, Error> {
    let new = NewUser {
        id: state.ids.next(),
        name: registrant.name,
        email: registrant.email,
        password_hash: state.hasher.hash(registrant.password.into_password()).await?,
        roles: Roles::default(),
        create_time: state.clock.now(),
    };
    let session = logs_in.then(|| state.new_session(new.id, 1));
    let user = match state.store.create_user(&new, session.as_ref()).await? {
        Created::User(user) => user,
        Created::EmailTaken => return Err(Error::EmailTaken),
    };
    let tokens = session.map(|session| state.access_token(&user, &session)).transpose()?;
    Ok(CreateUserResponse { user: Some(convert::user(&user)), tokens: tokens.map(convert::tokens) })
}
