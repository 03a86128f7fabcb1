//! The store's methods as values: calls and answers.

use blog_service::domain::{
    Direction, Post, PostChange, PostFacts, PostId, PostPosition, PostSize, PostView, Publication, Slug, Tag, TagCount,
};
use blog_service::store::{BlogStore, NewPost, NotCreated, PostSource, PostUnchanged, PublishedPosts, StoreError};
use chrono::{DateTime, Utc};
use db::requests::{self, Earlier};
use db::secrets;
use kit::request_id::RequestKey;

pub(crate) type Time = DateTime<Utc>;

/// A call of one of the store's methods.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Create {
        new: NewPost,
        request: Option<RequestKey>,
    },
    Post {
        id: PostId,
        view: PostView,
    },
    Posts {
        ids: Vec<PostId>,
        view: PostView,
    },
    List {
        after: Option<PostId>,
        limit: u32,
        view: PostView,
    },
    Facts {
        source: PostSource,
        direction: Direction,
        after: Option<PostPosition>,
        limit: u32,
    },
    Count {
        source: PostSource,
        limit: u32,
    },
    Update {
        id: PostId,
        change: PostChange,
        expected: Option<i32>,
        now: Time,
    },
    Delete {
        id: PostId,
        expected: Option<i32>,
    },
    Publish {
        id: PostId,
        publication: Publication,
        expected: Option<i32>,
        now: Time,
    },
    Unpublish {
        id: PostId,
        expected: Option<i32>,
        now: Time,
    },
    /// A poll of the scheduler, whose clock may be wrong.
    PublishDue {
        now: Time,
    },
    IdOfSlug {
        slug: Slug,
    },
    Sizes {
        ids: Vec<PostId>,
    },
    Tags {
        after: Option<Tag>,
        limit: u32,
    },
    Earlier {
        key: RequestKey,
        now: Time,
    },
    PageTokenKey {
        fresh: [u8; 64],
    },
}

/// The result of a call.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Created(Result<Post, NotCreated>),
    Post(Option<Post>),
    Posts(Vec<Post>),
    Facts(Vec<PostFacts>),
    Count(u32),
    Changed(Result<Post, PostUnchanged>),
    Deleted(Result<(), PostUnchanged>),
    Due(PublishedPosts),
    Id(Option<PostId>),
    Sizes(Vec<PostSize>),
    Tags(Vec<TagCount>),
    Earlier(Option<Earlier<PostId>>),
    Key([u8; 64]),
}

impl Call {
    pub(crate) async fn ask(&self, store: &BlogStore) -> Result<Answer, StoreError> {
        Ok(match self {
            Self::Create { new, request } => Answer::Created(store.create_post(new.clone(), request.as_ref()).await?),
            Self::Post { id, view } => Answer::Post(store.post(*id, *view).await?),
            Self::Posts { ids, view } => {
                let mut posts = store.posts_of(ids, *view).await?;
                posts.sort_unstable_by_key(|post| post.id);
                Answer::Posts(posts)
            }
            Self::List { after, limit, view } => Answer::Posts(store.list_posts(*after, *limit, *view).await?),
            Self::Facts { source, direction, after, limit } => {
                Answer::Facts(store.list_facts(source, *direction, after.as_ref(), *limit).await?)
            }
            Self::Count { source, limit } => Answer::Count(store.count_up_to(source, *limit).await?),
            Self::Update { id, change, expected, now } => {
                Answer::Changed(store.update_post(*id, change.clone(), *expected, *now).await?)
            }
            Self::Delete { id, expected } => Answer::Deleted(store.delete_post(*id, *expected).await?),
            Self::Publish { id, publication, expected, now } => {
                Answer::Changed(store.publish_post(*id, *publication, *expected, *now).await?)
            }
            Self::Unpublish { id, expected, now } => Answer::Changed(store.unpublish_post(*id, *expected, *now).await?),
            Self::PublishDue { now } => Answer::Due(store.publish_due_posts(*now).await?),
            Self::IdOfSlug { slug } => Answer::Id(store.id_of_slug(slug).await?),
            Self::Sizes { ids } => {
                let mut sizes = store.sizes_of(ids).await?;
                sizes.sort_unstable_by_key(|size| size.id);
                Answer::Sizes(sizes)
            }
            Self::Tags { after, limit } => Answer::Tags(store.list_tags(after.as_ref(), *limit).await?),
            Self::Earlier { key, now } => Answer::Earlier(requests::find(store.db(), key, *now).await?),
            Self::PageTokenKey { fresh } => Answer::Key(secrets::page_token_key(store.db(), *fresh).await?),
        })
    }
}
