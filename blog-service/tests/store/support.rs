//! A store in a folder that vanishes, and rows for it.

use blog_service::domain::{Content, PostChange, Title};
use blog_service::store::{DatabaseUrl, NewPost, Store};
use kit::testing::{folder, start};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const ADA: Uuid = Uuid::from_u128(0xada);

pub(crate) async fn case() -> (Store, TempDir) {
    let folder = folder();
    (Store::open(&DatabaseUrl::file(folder.path().join("blog.db"))).await.unwrap(), folder)
}

pub(crate) fn new_post(id: u128) -> NewPost {
    NewPost {
        id: Uuid::from_u128(id),
        owner_id: ADA,
        title: Title::parse(format!("Post {id}")).unwrap(),
        content: Content::parse("First post.".into()).unwrap(),
        create_time: start(),
    }
}

pub(crate) fn title(text: &str) -> PostChange {
    PostChange { title: Some(Title::parse(text.into()).unwrap()), content: None }
}
