//! `AuditService`: the audit log for admins.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::unfold;
use gatepost::api::auth::v1::audit_service_server::AuditService;
use gatepost::api::auth::v1::{
    ListAuditEventsRequest, ListAuditEventsResponse, WatchAuditEventsRequest, WatchAuditEventsResponse,
};
use kit::failure::both;
use kit::page::{self, PageRequest, PageRow};
use kit::serve::Room;
use kit::shutdown::Shutdown;
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::caller::caller;
use crate::app::App;
use crate::app::audit::{self, AuditMessage, AuditWatch};
use crate::convert;

/// Largest size of an event in a list, in bytes.
const ROW_BYTES: usize = 1280;

pub(super) struct AuditRpc {
    pub(super) app: Arc<App>,
    /// Ends the streams when the service stops.
    pub(super) stop: Shutdown,
}

#[tonic::async_trait]
impl AuditService for AuditRpc {
    async fn list_audit_events(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Result<Response<ListAuditEventsResponse>, Status> {
        caller(&request)?.require_admin()?;
        Room::from_request(&request).reserve(page::max_bytes(request.get_ref().page_size, ROW_BYTES)).await?;
        let ListAuditEventsRequest { filter, page_size, page_token } = request.into_inner();
        let (size, filter) = both(convert::page_size(page_size), convert::audit_filter(filter))?;
        let wanted = PageRequest { scope: &convert::audit_scope(&filter), size, token: &page_token };
        let page = audit::list(&self.app, &filter, wanted, |event| {
            let (id, item) = (event.id, convert::audit_event(event));
            PageRow { id, bytes: item.encoded_len(), item }
        })
        .await?;
        Ok(Response::new(ListAuditEventsResponse { events: page.items, next_page_token: page.next_page_token }))
    }

    type WatchAuditEventsStream = Pin<Box<dyn Stream<Item = Result<WatchAuditEventsResponse, Status>> + Send>>;

    async fn watch_audit_events(
        &self,
        request: Request<WatchAuditEventsRequest>,
    ) -> Result<Response<Self::WatchAuditEventsStream>, Status> {
        caller(&request)?.require_admin()?;
        let WatchAuditEventsRequest { filter, cursor } = request.into_inner();
        let (filter, cursor) = both(convert::audit_filter(filter), convert::audit_cursor(&cursor))?;
        let watch = AuditWatch::open(&self.app, filter, cursor).await?;
        let stop = self.stop.clone();
        Ok(Response::new(Box::pin(unfold(Some((watch, stop)), |open| async {
            let (mut watch, stop) = open?;
            // A stream ends when the service drains; the cursor continues it elsewhere.
            match stop.run_until_cancelled(watch.next()).await? {
                Ok(message) => Some((Ok(response(message)), Some((watch, stop)))),
                // The error ends the stream.
                Err(error) => Some((Err(error.into()), None)),
            }
        }))))
    }
}

fn response(AuditMessage { event, cursor }: AuditMessage) -> WatchAuditEventsResponse {
    WatchAuditEventsResponse { event: event.map(convert::audit_event), cursor: convert::cursor_text(cursor) }
}
