//! A store on a database that vanishes, and rows for it.

use blog_service::domain::{Content, PostChange, Title};
use blog_service::store::{DatabaseUrl, NewPost, Store};
use kit::testing::{folder, start};
use std::ops::Deref;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const ADA: Uuid = Uuid::from_u128(0xada);

/// A store on a database that vanishes with it.
pub(crate) struct Case {
    store: Store,
    _place: Place,
}

/// Where the database lies; dropped after the store.
#[expect(dead_code, reason = "held until the case has ended")]
enum Place {
    Folder(TempDir),
    Database(harness::postgres::Database),
}

impl Case {
    pub(crate) async fn sqlite() -> Self {
        let folder = folder();
        Self::open(DatabaseUrl::file(folder.path().join("blog.db")), Place::Folder(folder)).await
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let database = harness::postgres::database().await?;
        Some(Self::open(database.url.parse().unwrap(), Place::Database(database)).await)
    }

    async fn open(url: DatabaseUrl, place: Place) -> Self {
        Self { store: Store::open(&url).await.unwrap(), _place: place }
    }
}

impl Deref for Case {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
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
