//! Rules of posts, without wire and database.

mod caller;
mod ids;
mod post;
mod publication;
mod slug;
mod slug_numbers;
mod text;

pub use caller::{ADMIN, EDITOR, PostCaller, PostRights};
pub use ids::{AuthorId, PostId};
pub use post::{Post, PostChange, PostSize, PostView};
pub use publication::{PostState, Publication};
pub use slug::{PostName, Slug};
pub use slug_numbers::SlugNumbers;
pub use text::{Content, TextError, Title};
