//! The guarded service with one RPC of each kind. Its contract has the rules.

use std::pin::Pin;

use gatepost::Identity;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use crate::api::depot_service_server::DepotService;
use crate::api::{
    CountItemsRequest, CountItemsResponse, GetItemRequest, GetItemResponse, PickItemsRequest, PickItemsResponse,
    WatchItemRequest, WatchItemResponse,
};
use crate::stock::Stock;

/// A stream of responses.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service's state.
#[derive(Clone, Debug)]
pub struct Depot(pub Stock);

#[tonic::async_trait]
impl DepotService for Depot {
    async fn get_item(&self, request: Request<GetItemRequest>) -> Result<Response<GetItemResponse>, Status> {
        let is_anonymous = Identity::find(&request).is_none();
        let count = self.0.count(&request.get_ref().item);
        Ok(Response::new(GetItemResponse { in_stock: count > 0, count: (!is_anonymous).then_some(count) }))
    }

    async fn count_items(
        &self,
        request: Request<Streaming<CountItemsRequest>>,
    ) -> Result<Response<CountItemsResponse>, Status> {
        let counted_by = Identity::from_request(&request)?.subject.clone();
        let (mut messages, mut items) = (request.into_inner(), 0);
        while let Some(CountItemsRequest { item, count }) = messages.message().await? {
            self.0.set(item, count);
            items += 1;
        }
        Ok(Response::new(CountItemsResponse { items, counted_by }))
    }

    type WatchItemStream = Answers<WatchItemResponse>;

    async fn watch_item(&self, request: Request<WatchItemRequest>) -> Result<Response<Self::WatchItemStream>, Status> {
        let item = request.into_inner().item;
        let count = move |counts: crate::stock::Counts| counts.get(&item).copied().unwrap_or_default();
        let answers = self.0.changes().map(move |counts| Ok(WatchItemResponse { count: count(counts) }));
        Ok(Response::new(Box::pin(answers)))
    }

    type PickItemsStream = Answers<PickItemsResponse>;

    async fn pick_items(
        &self,
        request: Request<Streaming<PickItemsRequest>>,
    ) -> Result<Response<Self::PickItemsStream>, Status> {
        let stock = self.0.clone();
        let answers = request.into_inner().map(move |message| {
            let left = stock.pick(&message?.item).ok_or_else(|| Status::failed_precondition("out of stock"))?;
            Ok(PickItemsResponse { left })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}
