//! Posts, and the right to change them.

use chrono::{DateTime, Utc};

use super::{AuthorId, Content, PostId, Title};

/// Role that may change the posts of all users.
pub const EDITOR: &str = "editor";

/// A stored post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Id.
    pub id: PostId,
    /// Author and owner.
    pub owner_id: AuthorId,
    /// Title.
    pub title: String,
    /// Text; empty in the basic view.
    pub content: String,
    /// Number of writes of the row.
    pub revision: i32,
    /// Time of creation.
    pub create_time: DateTime<Utc>,
    /// Time of the last change.
    pub update_time: DateTime<Utc>,
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
            ..post
        }
    }
}

/// A caller who wants to change posts.
#[derive(Clone, Copy, Debug)]
pub struct PostWriter {
    /// User; `None` for a service.
    pub user: Option<AuthorId>,
    /// Set if the caller has the role [`EDITOR`].
    pub is_editor: bool,
}

impl PostWriter {
    /// Returns true if the caller may change this post, as its owner or as an editor.
    pub fn may_change(&self, post: &Post) -> bool {
        self.is_editor || self.user == Some(post.owner_id)
    }
}
