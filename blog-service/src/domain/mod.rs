//! Rules of posts, without wire and database.

mod ids;
mod post;
mod slug;
mod slug_numbers;
mod text;

pub use ids::{AuthorId, PostId};
pub use post::{EDITOR, Post, PostChange, PostView, PostWriter};
pub use slug::{PostName, Slug};
pub use slug_numbers::SlugNumbers;
pub use text::{Content, TextError, Title};
