//! Posts and their changes.

use chrono::{DateTime, Utc};

use super::{AuthorId, Content, PostId, PostState, Slug, Title};

/// A stored post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Id.
    pub id: PostId,
    /// Author and owner.
    pub owner_id: AuthorId,
    /// Current slug; the id's text if the post has no slug of its own.
    pub slug: String,
    /// Title.
    pub title: String,
    /// Text; empty in the basic view.
    pub content: String,
    /// State.
    pub state: PostState,
    /// Time of publication, past or planned; `None` for a draft.
    pub publish_time: Option<DateTime<Utc>>,
    /// Number of writes of the row.
    pub revision: i32,
    /// Time of creation.
    pub create_time: DateTime<Utc>,
    /// Time of the last change.
    pub update_time: DateTime<Utc>,
}

/// Size of a post, with the facts that decide who may see the post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostSize {
    /// The post.
    pub id: PostId,
    /// Owner of the post.
    pub owner_id: AuthorId,
    /// State of the post.
    pub state: PostState,
    /// Bytes of title and content.
    pub octets: u64,
}

/// Fields of a post that a read returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostView {
    /// All fields but the content.
    Basic,
    /// All fields.
    Full,
}

/// A change of a post; a field that is `None` stays unchanged.
#[derive(Clone, Debug, Default)]
pub struct PostChange {
    /// New title.
    pub title: Option<Title>,
    /// New text.
    pub content: Option<Content>,
    /// New slug.
    pub slug: Option<Slug>,
}

impl PostChange {
    /// Returns the number of bytes of title and content that the change writes.
    pub fn bytes(&self) -> usize {
        let title = self.title.as_ref().map_or(0, |title| title.as_str().len());
        title + self.content.as_ref().map_or(0, |content| content.as_str().len())
    }

    /// Returns the post with this change.
    #[must_use]
    pub fn apply(self, post: Post) -> Post {
        Post {
            title: self.title.map_or(post.title, Title::into_string),
            content: self.content.map_or(post.content, Content::into_string),
            slug: self.slug.map_or(post.slug, Slug::into_string),
            ..post
        }
    }
}
