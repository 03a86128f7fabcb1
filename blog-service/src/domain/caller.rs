//! Callers of the service, and their rights to see and to change posts.

use super::{AuthorId, Post, PostState};

/// Role that may see and change the posts of all users.
pub const EDITOR: &str = "editor";

/// Role that may see the posts of all users.
pub const ADMIN: &str = "admin";

/// Rights that a caller has by its roles, the lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PostRights {
    /// Sees published posts.
    Reader,
    /// Sees all posts, as admins do.
    Viewer,
    /// Sees and changes all posts.
    Editor,
}

/// A caller who reads or changes posts.
#[derive(Clone, Copy, Debug)]
pub struct PostCaller {
    /// User, who may see and change own posts; `None` for a service and for a caller without a token.
    pub user: Option<AuthorId>,
    /// Rights by role.
    pub rights: PostRights,
}

impl PostCaller {
    /// Creates a caller without roles.
    pub fn from_user(user: AuthorId) -> Self {
        Self { user: Some(user), rights: PostRights::Reader }
    }

    /// Returns true if the caller may see a post of this owner in this state.
    pub fn may_see(&self, owner_id: AuthorId, state: PostState) -> bool {
        state == PostState::Published || self.rights >= PostRights::Viewer || self.user == Some(owner_id)
    }

    /// Returns true if the caller may change this post, as its owner or as an editor.
    pub fn may_change(&self, post: &Post) -> bool {
        self.rights >= PostRights::Editor || self.user == Some(post.owner_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: AuthorId = AuthorId::from_u128(1);
    const BOB: AuthorId = AuthorId::from_u128(2);

    /// C56: only owner, editors and admins see posts that are not published.
    #[test]
    fn unpublished_posts_are_seen_by_owner_editor_and_admin() {
        let caller = |user, rights| PostCaller { user, rights };
        for state in [PostState::Draft, PostState::Scheduled, PostState::Published] {
            let is_published = state == PostState::Published;
            for (caller, sees) in [
                (caller(Some(ADA), PostRights::Reader), true),
                (caller(Some(BOB), PostRights::Reader), is_published),
                (caller(None, PostRights::Reader), is_published),
                (caller(Some(BOB), PostRights::Viewer), true),
                (caller(None, PostRights::Viewer), true),
                (caller(Some(BOB), PostRights::Editor), true),
            ] {
                assert_eq!(caller.may_see(ADA, state), sees, "{caller:?} {state:?}");
            }
        }
    }
}
