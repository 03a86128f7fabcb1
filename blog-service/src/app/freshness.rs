//! Outdated HTML of posts: rendered again when a post is read.

use super::BlogState;
use crate::domain::{Post, PostId, Rendering};

/// Returns the post with the HTML of this version. Renders an outdated post, and stores the rendering in the background.
pub(crate) async fn fresh(state: &BlogState, post: Post) -> Post {
    if post.is_rendered {
        return post;
    }
    let rendering = state.renderer.again(&post.content).await;
    write_back(state, post.id, post.revision, rendering.clone());
    post.with_rendering(rendering)
}

/// Stores a rendering in a task of its own, unless enough are being stored. A later read repeats what is left out.
fn write_back(state: &BlogState, id: PostId, revision: i32, rendering: Rendering) {
    let Some(turn) = state.renderer.turn_to_write() else { return };
    let store = state.store.clone();
    tokio::spawn(async move {
        let _turn = turn;
        if let Err(error) = store.keep_rendering(id, revision, &rendering).await {
            let cause = &error as &(dyn std::error::Error + 'static);
            tracing::debug!(cause, post = %id, "rendering of a post not stored");
        }
    });
}
