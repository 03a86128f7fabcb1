//! A store on a temporary database, and rows for it.

use blog_service::domain::{AuthorId, Body, Content, PostChange, PostDetails, PostId, PostState, Slug, Title};
use blog_service::store::{BlogStore, NewPost, NewSlug};
use kit::ops::Metrics;
use kit::request_id::{Fingerprint, RequestId, RequestKey};
use testkit::{MetricsText, start};

use super::opens::Opens;

pub(crate) const ADA: AuthorId = AuthorId::from_u128(0xada);

pub(crate) type Case = testkit::StoreCase<Opens>;

pub(crate) fn new_post(id: u128) -> NewPost {
    NewPost {
        id: PostId::from_u128(id),
        owner_id: ADA,
        slug: NewSlug::Made(slug(&format!("post-{id}"))),
        title: Title::parse(format!("Post {id}")).unwrap(),
        body: body("First post."),
        details: PostDetails::default(),
        state: PostState::Published,
        create_time: start(),
    }
}

/// Returns a content with its rendering.
pub(crate) fn body(text: &str) -> Body {
    Body::from_content(Content::parse(text.into()).unwrap()).unwrap()
}

pub(crate) fn title(text: &str) -> PostChange {
    PostChange { title: Some(Title::parse(text.into()).unwrap()), ..PostChange::default() }
}

pub(crate) fn draft(id: u128) -> NewPost {
    NewPost { state: PostState::Draft, ..new_post(id) }
}

pub(crate) fn slug(text: &str) -> Slug {
    Slug::parse(text.into()).unwrap()
}

/// Returns a request of Ada's.
pub(crate) fn key(id: u128) -> RequestKey {
    let fingerprint = Fingerprint::from_fields(&["Post", "First post."]);
    RequestKey { caller: ADA.to_string(), method: "CreatePost", id: RequestId::from_u128(id), fingerprint }
}

/// Returns the number of statements that have read.
pub(crate) fn reads(store: &BlogStore) -> u64 {
    works(store, "read")
}

/// Returns the number of statements and transactions that have written.
pub(crate) fn writes(store: &BlogStore) -> u64 {
    works(store, "write")
}

fn works(store: &BlogStore, work: &str) -> u64 {
    let mut metrics = Metrics::default();
    metrics.add(store.clone());
    MetricsText(metrics.text()).count(&format!("gatepost_database_work_duration_seconds_count{{work=\"{work}\"}}"))
}
