//! The measured calls, each with random keys.

use std::sync::Arc;

use blog_service::api::v1::{GetPostRequest, ListPostsRequest, PostFilter, get_post_request};
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::session_service_client::SessionServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{
    GetUserRequest, ListSessionsRequest, ListUsersRequest, LoginRequest, UserFilter, UserState,
};
use gatepost::{Token, WithToken};
use kit::{Clock, page::PageTokens};
use sqlx::types::Uuid;
use tonic::transport::Channel;

use super::ScaleFigure;
use super::databases::USER_PASSWORD;
use super::sized::{RowKeys, SizedServices};
use crate::Failure;
use crate::fill::{self, MANY_SESSIONS_USER};
use crate::load::{LoadCall, always, post_caller, verify_token};

/// Rows of a page.
const ROWS_PER_PAGE: u8 = 50;

/// Scope of the page tokens of `ListPosts`. With another scope, the blog refuses them.
const LIST_POSTS_SCOPE: &str = "gatepost.blog.v1.PostService/ListPosts";

/// Returns the calls of a figure, at most one for each connection or session.
pub(super) fn calls(figure: ScaleFigure, sized: &SizedServices) -> Vec<LoadCall> {
    let channels = if figure.is_of_blog() { &sized.blog } else { &sized.auth };
    match figure {
        ScaleFigure::Verify => {
            let channels = sized.auth.iter().cycle();
            sized.tokens.iter().zip(channels).map(|(token, channel)| always(verify_token(channel, token))).collect()
        }
        ScaleFigure::Refresh => sized.accounts.iter().map(|account| always(account.clone().refreshes())).collect(),
        _ => channels.iter().map(|channel| call(figure, channel, sized)).collect(),
    }
}

/// Returns the call of one connection.
fn call(figure: ScaleFigure, channel: &Channel, sized: &SizedServices) -> LoadCall {
    let (keys, admin) = (Arc::clone(&sized.keys), &sized.admin);
    match figure {
        ScaleFigure::ListFirst => posts_page(channel, admin, ListPostsRequest::default),
        ScaleFigure::ListDeep => {
            let (tokens, clock) = (sized.page_tokens.clone(), Clock::system());
            let page = move || {
                let page_token = deep_token(&tokens, &keys, &clock);
                ListPostsRequest { page_token, ..ListPostsRequest::default() }
            };
            posts_page(channel, admin, page)
        }
        ScaleFigure::ListByTag => {
            let tags = vec![fill::POST_TAG.to_owned()];
            let filter = Some(PostFilter { tags, ..PostFilter::default() });
            posts_page(channel, admin, move || ListPostsRequest {
                filter: filter.clone(),
                ..ListPostsRequest::default()
            })
        }
        ScaleFigure::ListByTitle => {
            posts_page(channel, admin, || ListPostsRequest { order_by: "title".into(), ..ListPostsRequest::default() })
        }
        ScaleFigure::GetUser => get_user(channel, admin, keys),
        ScaleFigure::UsersByRole => users_page(channel, admin, filter("editor", UserState::Unspecified)),
        ScaleFigure::UsersByState => users_page(channel, admin, filter("", UserState::Disabled)),
        ScaleFigure::UsersByBoth => users_page(channel, admin, filter("editor", UserState::Disabled)),
        ScaleFigure::Sessions => {
            let sessions = SessionServiceClient::with_interceptor(channel.clone(), WithToken::new(admin));
            let (user_id, page_size) = (fill::row_id(MANY_SESSIONS_USER), ROWS_PER_PAGE.into());
            let request = ListSessionsRequest { user_id, page_size, page_token: String::new() };
            always(move || {
                let (mut sessions, request) = (sessions.clone(), request.clone());
                Box::pin(async move { sessions.list_sessions(request).await.map(drop) })
            })
        }
        ScaleFigure::Login => {
            let client = AuthServiceClient::new(channel.clone());
            always(move || {
                let (mut client, email) = (client.clone(), fill::user_email(keys.active_user()));
                let request = LoginRequest { email, password: USER_PASSWORD.into(), ..LoginRequest::default() };
                Box::pin(async move { client.login(request).await.map(drop) })
            })
        }
        // The calls of sessions and the figures without calls never come here.
        ScaleFigure::GetPost
        | ScaleFigure::GetPostCached
        | ScaleFigure::Verify
        | ScaleFigure::Refresh
        | ScaleFigure::Start
        | ScaleFigure::Migration
        | ScaleFigure::Sweep
        | ScaleFigure::Guards => {
            let posts = post_caller(channel, admin);
            always(move || {
                let (mut posts, id) = (posts.clone(), fill::row_id(keys.any()));
                let request = GetPostRequest { post: Some(get_post_request::Post::Id(id)), view: 0 };
                Box::pin(async move { posts.get_post(request).await.map(drop) })
            })
        }
    }
}

/// Returns a read of a random user.
pub(super) fn get_user(channel: &Channel, admin: &Token, keys: Arc<RowKeys>) -> LoadCall {
    let users = UserServiceClient::with_interceptor(channel.clone(), WithToken::new(admin));
    always(move || {
        let (mut users, id) = (users.clone(), fill::row_id(keys.any()));
        Box::pin(async move { users.get_user(GetUserRequest { id }).await.map(drop) })
    })
}

fn filter(role: &str, state: UserState) -> UserFilter {
    UserFilter { email: String::new(), role: role.to_owned(), state: state.into() }
}

/// Returns a read of the first page of users.
fn users_page(channel: &Channel, admin: &Token, filter: UserFilter) -> LoadCall {
    let users = UserServiceClient::with_interceptor(channel.clone(), WithToken::new(admin));
    let request = ListUsersRequest { page_size: ROWS_PER_PAGE.into(), page_token: String::new(), filter: Some(filter) };
    always(move || {
        let (mut users, request) = (users.clone(), request.clone());
        Box::pin(async move { users.list_users(request).await.map(drop) })
    })
}

/// Returns a read of the page of posts that `page` names.
fn posts_page(
    channel: &Channel,
    admin: &Token,
    page: impl Fn() -> ListPostsRequest + Send + Sync + 'static,
) -> LoadCall {
    let posts = post_caller(channel, admin);
    always(move || {
        let mut posts = posts.clone();
        let request = ListPostsRequest { page_size: ROWS_PER_PAGE.into(), ..page() };
        Box::pin(async move { posts.list_posts(request).await.map(drop) })
    })
}

/// Returns the token of a random page in the older half.
fn deep_token(tokens: &PageTokens, keys: &RowKeys, clock: &Clock) -> String {
    let last = Uuid::parse_str(&fill::row_id(keys.deep(ROWS_PER_PAGE.into()))).unwrap_or_default();
    tokens.seal(LIST_POSTS_SCOPE, &last, clock.now())
}

/// Fails if the first call of a figure fails.
pub(super) async fn probe(figure: ScaleFigure, calls: &[LoadCall]) -> Result<(), Failure> {
    let call = calls.first().ok_or("no connection")?;
    let answer = call().ok_or("no call")?.await;
    answer.map_err(|status| format!("{figure}: the first call failed: {status}").into())
}
