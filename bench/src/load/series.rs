//! One measured kind of call: the calls of its connections, and its figures of each round.

use std::sync::Arc;
use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{BatchGetPostsRequest, GetPostRequest, ListPostsRequest, get_post_request};
use gatepost::api::auth::v1::VerifyTokenRequest;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use tonic::Status;
use tonic::transport::Channel;

use super::cold::UnseenTokens;
use super::posts::{PostCaller, new_post, post_caller};
use super::services::ServicesUnderLoad;
use super::{
    Account, Arrivals, CallFuture, LoadCall, LoadSample, LoadSettings, MAX_LOGINS, MeasuredCall, always, closed_loop,
    health, open_loop, verify_token,
};
use crate::Failure;
use crate::services::channels;

/// The calls of a kind, for each connection or account.
pub(super) struct Series {
    pub(super) kind: MeasuredCall,
    /// Address of the server, as `HOST:PORT`.
    pub(super) address: String,
    calls: Vec<LoadCall>,
    callers: usize,
    unseen: UnseenTokens,
}

impl Series {
    /// Opens the connections.
    pub(super) async fn open(
        kind: MeasuredCall,
        services: &ServicesUnderLoad,
        settings: &LoadSettings,
    ) -> Result<Self, Failure> {
        let address = services.address(kind.server())?.to_owned();
        let (unseen, accounts) = (UnseenTokens::default(), services.accounts.iter().cloned());
        let (calls, callers): (Vec<LoadCall>, _) = match kind {
            MeasuredCall::Login => {
                let places = Account::login_places(&services.accounts).min(MAX_LOGINS);
                (accounts.map(|account| always(account.logins())).collect(), places)
            }
            MeasuredCall::Refresh => {
                (accounts.map(|account| always(account.refreshes())).collect(), services.accounts.len())
            }
            _ => {
                let channels = channels(&address, settings.connections).await?;
                (channels.iter().map(|channel| call(kind, channel, services, &unseen, settings)).collect(), usize::MAX)
            }
        };
        Ok(Self { kind, address, calls, callers: settings.callers.min(callers), unseen })
    }

    /// Makes one call.
    pub(super) async fn probe(&self, services: &ServicesUnderLoad) -> Result<(), Failure> {
        self.prepare(services, 1).await?;
        let call = self.calls.first().ok_or("no connection")?;
        Ok(call().ok_or("no token")?.await?)
    }

    /// Makes this many calls on one connection, one after the other.
    pub(super) async fn some(&self, count: usize) -> Result<(), Failure> {
        let call = self.calls.first().ok_or("no connection")?;
        for _ in 0..count {
            call().ok_or("no token")?.await?;
        }
        Ok(())
    }

    /// Issues unseen tokens, if the calls need some.
    pub(super) async fn prepare(&self, services: &ServicesUnderLoad, count: usize) -> Result<(), Failure> {
        if self.kind == MeasuredCall::VerifyCold {
            self.unseen.refill(&services.accounts, count).await?;
        }
        Ok(())
    }

    /// Makes the calls of one turn.
    pub(super) async fn turn(&self, settings: &LoadSettings) -> Result<LoadSample, Failure> {
        let length = Duration::from_millis(settings.turn_ms);
        match settings.rate {
            None => closed_loop(self.callers, length, &self.calls()).await,
            Some(rate) => open_loop(&Arrivals { rate, length, backlog: settings.backlog }, &self.calls()).await,
        }
    }

    /// Returns the calls as functions.
    fn calls(&self) -> Vec<impl Fn() -> Option<CallFuture<()>> + Clone + Send + 'static> {
        self.calls.iter().cloned().map(|call| move || call()).collect()
    }
}

/// Returns the calls of one connection.
fn call(
    kind: MeasuredCall,
    channel: &Channel,
    services: &ServicesUnderLoad,
    unseen: &UnseenTokens,
    settings: &LoadSettings,
) -> LoadCall {
    let (posts, token) = (post_caller(channel, &services.token), services.token.expose());
    let (ids, count) = (Arc::clone(&services.ids), settings.rows);
    match kind {
        MeasuredCall::Check | MeasuredCall::CheckBlog => always(health(channel)),
        MeasuredCall::VerifyCold => {
            let (tokens, unseen) = (TokenServiceClient::new(channel.clone()), unseen.clone());
            Arc::new(move || {
                let (mut tokens, token) = (tokens.clone(), unseen.take()?);
                Some(Box::pin(async move { tokens.verify_token(VerifyTokenRequest { token }).await.map(drop) }))
            })
        }
        MeasuredCall::Get => read(posts, move |mut posts| {
            let request = get(ids.one());
            Box::pin(async move { posts.get_post(request).await.map(drop) })
        }),
        MeasuredCall::GetPublic => {
            let (posts, ids) = (PostServiceClient::new(channel.clone()), Arc::clone(&services.public_ids));
            always(move || {
                let (mut posts, request) = (posts.clone(), get(ids.one()));
                Box::pin(async move { posts.get_post(request).await.map(drop) })
            })
        }
        MeasuredCall::List => read(posts, move |mut posts| {
            let page_size = i32::try_from(count).unwrap_or(i32::MAX);
            let request = ListPostsRequest { page_size, ..ListPostsRequest::default() };
            Box::pin(async move { posts.list_posts(request).await.map(drop) })
        }),
        MeasuredCall::Batch => read(posts, move |mut posts| {
            let request = BatchGetPostsRequest { ids: ids.some(count), ..BatchGetPostsRequest::default() };
            Box::pin(async move { posts.batch_get_posts(request).await.map(drop) })
        }),
        MeasuredCall::Create => {
            read(posts, |mut posts| Box::pin(async move { posts.create_post(new_post()).await.map(drop) }))
        }
        MeasuredCall::Echo | MeasuredCall::Verify | MeasuredCall::Login | MeasuredCall::Refresh => {
            always(verify_token(channel, token))
        }
    }
}

fn get(id: String) -> GetPostRequest {
    GetPostRequest { post: Some(get_post_request::Post::Id(id)), view: 0 }
}

/// Returns a call of the blog, with a client of its own each time.
fn read(posts: PostCaller, call: impl Fn(PostCaller) -> CallFuture<()> + Send + Sync + 'static) -> LoadCall {
    always(move || call(posts.clone()))
}

/// Returns true if the server wants a token.
pub(super) fn wants_token(failure: &Failure) -> bool {
    failure.downcast_ref::<Status>().is_some_and(|status| status.code() == tonic::Code::Unauthenticated)
}
