//! `SessionService`: a user's sessions are seen and ended.

use std::sync::Arc;

use gatepost::api::auth::v1::session_service_server::SessionService;
use gatepost::api::auth::v1::{
    ListSessionsRequest, ListSessionsResponse, RevokeAllSessionsRequest, RevokeAllSessionsResponse,
    RevokeSessionRequest, RevokeSessionResponse,
};
use kit::failure::both;
use kit::page::{self, Batch, Row, Wanted};
use kit::serve::Room;
use prost::Message as _;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::caller::Caller;
use crate::app::State;
use crate::convert;
use crate::error::Error;

const LIST: &str = "gatepost.auth.v1.SessionService/ListSessions";

/// The most bytes of a session in a list.
const ROW_BYTES: usize = 1024;

pub(super) struct SessionRpc(pub(super) Arc<State>);

#[tonic::async_trait]
impl SessionService for SessionRpc {
    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Room::of(&request).reserve(page::max_bytes(request.get_ref().page_size, ROW_BYTES)).await?;
        Ok(Response::new(list(&self.0, caller, request.into_inner()).await?))
    }

    async fn revoke_session(
        &self,
        request: Request<RevokeSessionRequest>,
    ) -> Result<Response<RevokeSessionResponse>, Status> {
        let caller = Caller::of(&request)?;
        revoke(&self.0, caller, &request.into_inner().id).await?;
        Ok(Response::new(RevokeSessionResponse {}))
    }

    async fn revoke_all_sessions(
        &self,
        request: Request<RevokeAllSessionsRequest>,
    ) -> Result<Response<RevokeAllSessionsResponse>, Status> {
        let caller = Caller::of(&request)?;
        revoke_all(&self.0, caller, &request.into_inner().user_id).await?;
        Ok(Response::new(RevokeAllSessionsResponse {}))
    }
}

async fn list(state: &State, caller: Caller, request: ListSessionsRequest) -> Result<ListSessionsResponse, Error> {
    let user_id = match request.user_id.as_str() {
        "" => caller.user(),
        text => caller.named("user_id", text),
    };
    let (user_id, size) = both(user_id, convert::page_size(request.page_size))?;
    let scope = format!("{LIST} {user_id}");
    caller.reach(state, user_id).await?;
    let now = state.clock.now();
    let read = async |after, limit| {
        let rows = state.store.list_sessions(user_id, after, limit, now).await?;
        let answered = rows.into_iter().map(|listed| {
            let (id, item) = (listed.session.id, convert::session(listed, caller.session()));
            Row { id, bytes: item.encoded_len(), item }
        });
        Ok::<_, Error>(Batch::up_to(limit, answered.collect()))
    };
    let wanted = Wanted { scope: &scope, size, token: &request.page_token };
    let page = page::fill(&state.page_tokens, wanted, now, read).await?;
    Ok(ListSessionsResponse { sessions: page.items, next_page_token: page.next_page_token })
}

/// Another user's session is told from one that never was by nobody but admins (C39); to a service, every one is.
async fn revoke(state: &State, caller: Caller, text: &str) -> Result<(), Error> {
    let id: Uuid =
        text.parse().map_err(|_| convert::violation("id", "must be a UUID, as an answer of this service has it"))?;
    let missing = || Error::SessionNotFound(id.to_string());
    let whose = if caller.is_admin() { None } else { Some(caller.user().map_err(|_| missing())?) };
    let ended = state.store.revoke_session(id, whose, state.stamp()).await?;
    state.revoked(ended.ok_or_else(missing)?).await
}

async fn revoke_all(state: &State, caller: Caller, text: &str) -> Result<(), Error> {
    let user_id = caller.named("user_id", text)?;
    caller.reach(state, user_id).await?;
    let ended = state.store.end_all_sessions(user_id, state.stamp()).await?;
    state.revoked(ended.ok_or_else(|| Error::UserNotFound(user_id.to_string()))?).await
}
