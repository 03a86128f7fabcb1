//! Rules of posts, without wire and database.

mod ids;
mod post;
mod text;

pub use ids::{AuthorId, PostId};
pub use post::{EDITOR, Post, PostChange, PostView, PostWriter};
pub use text::{Content, TextError, Title};
