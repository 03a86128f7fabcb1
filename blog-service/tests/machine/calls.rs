//! The store's methods as values: calls and answers.

use blog_service::domain::{Post, PostChange, PostId, PostView};
use blog_service::store::{BlogStore, NewPost, PostUnchanged, StoreError};
use chrono::{DateTime, Utc};
use db::requests::{self, Earlier};
use db::secrets;
use kit::request_id::RequestKey;

pub(crate) type Time = DateTime<Utc>;

/// A call of one of the store's methods.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Create { new: NewPost, request: Option<RequestKey> },
    Post { id: PostId, view: PostView },
    Posts { ids: Vec<PostId>, view: PostView },
    List { after: Option<PostId>, limit: u32, view: PostView },
    Update { id: PostId, change: PostChange, expected: Option<i32>, now: Time },
    Delete { id: PostId, expected: Option<i32> },
    Earlier { key: RequestKey, now: Time },
    PageTokenKey { fresh: [u8; 64] },
}

/// The result of a call.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Post(Option<Post>),
    Posts(Vec<Post>),
    Changed(Result<Post, PostUnchanged>),
    Deleted(Result<(), PostUnchanged>),
    Earlier(Option<Earlier<PostId>>),
    Key([u8; 64]),
}

impl Call {
    pub(crate) async fn ask(&self, store: &BlogStore) -> Result<Answer, StoreError> {
        Ok(match self {
            Self::Create { new, request } => Answer::Post(store.create_post(new.clone(), request.as_ref()).await?),
            Self::Post { id, view } => Answer::Post(store.post(*id, *view).await?),
            Self::Posts { ids, view } => {
                let mut posts = store.posts_of(ids, *view).await?;
                posts.sort_unstable_by_key(|post| post.id);
                Answer::Posts(posts)
            }
            Self::List { after, limit, view } => Answer::Posts(store.list_posts(*after, *limit, *view).await?),
            Self::Update { id, change, expected, now } => {
                Answer::Changed(store.update_post(*id, change.clone(), *expected, *now).await?)
            }
            Self::Delete { id, expected } => Answer::Deleted(store.delete_post(*id, *expected).await?),
            Self::Earlier { key, now } => Answer::Earlier(requests::find(store.db(), key, *now).await?),
            Self::PageTokenKey { fresh } => Answer::Key(secrets::page_token_key(store.db(), *fresh).await?),
        })
    }
}
