//! Posts, and the right to change them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Content, Title};

/// The role that may change everybody's posts.
pub const EDITOR: &str = "editor";

/// A post as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The row's id, a `UUIDv7`.
    pub id: Uuid,
    /// The user who wrote it.
    pub owner_id: Uuid,
    /// The title.
    pub title: String,
    /// The text; empty in the basic view.
    pub content: String,
    /// How often the row has been written.
    pub revision: i32,
    /// When it was created.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

/// How much of a post is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Everything but the content.
    Basic,
    /// Everything.
    Full,
}

/// What is to be different about a post; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct PostChange {
    /// The title.
    pub title: Option<Title>,
    /// The text.
    pub content: Option<Content>,
}

impl PostChange {
    /// Returns the bytes that it writes.
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
            ..post
        }
    }
}

/// A caller who wants to change posts.
#[derive(Clone, Copy, Debug)]
pub struct PostWriter {
    /// The user; `None` for a service.
    pub user: Option<Uuid>,
    /// The caller has the role [`EDITOR`].
    pub is_editor: bool,
}

impl PostWriter {
    /// Tells if the caller may change this post, as its owner or as an editor.
    pub fn may_change(&self, post: &Post) -> bool {
        self.is_editor || self.user == Some(post.owner_id)
    }
}
