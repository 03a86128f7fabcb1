//! What the service is about, without wire and without database.

mod post;
mod text;

pub use post::{EDITOR, Post, PostChange, PostWriter, View};
pub use text::{Content, TextError, Title};
