//! `SessionService`: lists and ends a user's sessions.

use std::sync::Arc;

use gatepost::api::auth::v1::session_service_server::SessionService;
use gatepost::api::auth::v1::{
    ListSessionsRequest, ListSessionsResponse, RevokeAllSessionsRequest, RevokeAllSessionsResponse,
    RevokeSessionRequest, RevokeSessionResponse,
};
use kit::failure::both;
use kit::page::{self, PageRequest, PageRow};
use kit::peer::CallerResolver;
use kit::serve::Room;
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::caller::{caller, user_id};
use crate::app::{App, sessions};
use crate::convert;
use crate::error::AuthError;

const LIST: &str = "gatepost.auth.v1.SessionService/ListSessions";

/// Largest size of a session in a list, in bytes.
const ROW_BYTES: usize = 1024;

pub(super) struct SessionRpc {
    pub(super) app: Arc<App>,
    pub(super) callers: CallerResolver,
}

#[tonic::async_trait]
impl SessionService for SessionRpc {
    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let caller = caller(&request)?;
        Room::from_request(&request).reserve(page::max_bytes(request.get_ref().page_size, ROW_BYTES)).await?;
        let ListSessionsRequest { user_id: text, page_size, page_token } = request.into_inner();
        let user = if text.is_empty() { caller.user() } else { user_id(caller, "user_id", &text) };
        let (user, size) = both(user, convert::page_size(page_size))?;
        let wanted = PageRequest { scope: &format!("{LIST} {user}"), size, token: &page_token };
        let page = sessions::list(&self.app, caller, user, wanted, |listed| {
            let (id, item) = (listed.session.id, convert::session(listed, caller.session()));
            PageRow { id, bytes: item.encoded_len(), item }
        })
        .await?;
        Ok(Response::new(ListSessionsResponse { sessions: page.items, next_page_token: page.next_page_token }))
    }

    async fn revoke_session(
        &self,
        request: Request<RevokeSessionRequest>,
    ) -> Result<Response<RevokeSessionResponse>, Status> {
        let context = convert::context(&request, &self.callers);
        let (caller, id) = (caller(&request)?, request.into_inner().id.parse());
        let id = id.map_err(|_| AuthError::violation("id", "must be a UUID, as an answer of this service has it"))?;
        sessions::revoke(&self.app, caller, &context, id).await?;
        Ok(Response::new(RevokeSessionResponse {}))
    }

    async fn revoke_all_sessions(
        &self,
        request: Request<RevokeAllSessionsRequest>,
    ) -> Result<Response<RevokeAllSessionsResponse>, Status> {
        let (caller, context) = (caller(&request)?, convert::context(&request, &self.callers));
        let user = user_id(caller, "user_id", &request.into_inner().user_id)?;
        sessions::revoke_all(&self.app, caller, &context, user).await?;
        Ok(Response::new(RevokeAllSessionsResponse {}))
    }
}
