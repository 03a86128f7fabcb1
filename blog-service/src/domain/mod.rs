//! Rules of posts, without wire and database.

mod caller;
mod filter;
mod ids;
mod order;
mod post;
mod publication;
mod references;
mod rendering;
mod slug;
mod slug_numbers;
mod tags;
mod text;

pub use caller::{ADMIN, EDITOR, PostCaller, PostRights};
pub use filter::{ListedState, PostFacts, PostFilter, PublishedRange, TagMatch};
pub use ids::{AuthorId, PostId};
pub use order::{Direction, OrderField, OrderValue, PostOrder, PostPosition};
pub use post::{Post, PostChange, PostDetails, PostSize, PostView};
pub use publication::{PostState, Publication};
pub use references::{CoverUrl, LanguageCode};
pub use rendering::{Body, GivenExcerpt, HtmlTooLarge, Rendering};
pub use slug::{PostName, Slug};
pub use slug_numbers::SlugNumbers;
pub use tags::{Tag, TagCount, Tags};
pub use text::{Content, TextError, Title};
