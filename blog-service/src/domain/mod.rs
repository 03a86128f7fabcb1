//! Rules of posts, without wire and database.

mod post;
mod text;

pub use post::{EDITOR, Post, PostChange, PostView, PostWriter};
pub use text::{Content, TextError, Title};
