//! Creation of posts. A caller that lost the answer may repeat the request.

use chrono::{DateTime, Utc};
use db::requests::{self, Earlier};
use kit::request_id::{Fingerprint, RequestId, RequestKey};

use super::{BlogState, read};
use crate::domain::{AuthorId, Body, Content, Post, PostCaller, PostDetails, PostId, PostState, PostView, Slug, Title};
use crate::error::BlogError;
use crate::store::{NewPost, NewSlug, NotCreated};

const METHOD: &str = "gatepost.blog.v1.PostService/CreatePost";

/// A post to create, with valid fields.
pub(crate) struct PostDraft {
    pub(crate) title: Title,
    pub(crate) content: Content,
    /// Given slug; `None` if the slug is made from the title.
    pub(crate) slug: Option<Slug>,
    /// Excerpt, tags, cover and language.
    pub(crate) details: PostDetails,
    /// State of the new post: a draft or published.
    pub(crate) state: PostState,
    pub(crate) request_id: Option<RequestId>,
    pub(crate) validate_only: bool,
}

/// The result of a request to create a post.
pub(crate) enum Submitted {
    Post(Box<Post>),
    /// The draft is valid; the request was `validate_only`.
    Checked(Box<CheckedDraft>),
}

/// A valid draft with its rendered content.
pub(crate) struct CheckedDraft {
    pub(crate) draft: PostDraft,
    pub(crate) body: Body,
}

pub(crate) async fn create(state: &BlogState, owner_id: AuthorId, draft: PostDraft) -> Result<Submitted, BlogError> {
    let request = draft.request_id.map(|id| RequestKey {
        caller: owner_id.to_string(),
        method: METHOD,
        id,
        fingerprint: fingerprint(&draft),
    });
    let made = earlier(state, request.as_ref()).await?;
    if draft.validate_only {
        if let Some(slug) = &draft.slug
            && state.store.id_of_slug(slug).await?.is_some()
        {
            return Err(BlogError::SlugTaken);
        }
        let body = render(state, draft.content.clone()).await?;
        return Ok(Submitted::Checked(Box::new(CheckedDraft { draft, body })));
    }
    if let Some(id) = made {
        return repeat(state, owner_id, id).await;
    }
    let body = render(state, draft.content.clone()).await?;
    state.meter(owner_id, 1, draft.title.as_str().len() + body.bytes() + draft.details.bytes())?;
    let id = state.ids.next();
    match state.store.create_post(draft.into_new(id, owner_id, body, state.clock.now()), request.as_ref()).await? {
        Ok(post) => Ok(Submitted::Post(Box::new(post))),
        Err(NotCreated::SlugTaken) => Err(BlogError::SlugTaken),
        // The same request ran twice at the same time, and the other run finished first.
        Err(NotCreated::Repeated) => {
            let made = earlier(state, request.as_ref()).await?;
            repeat(state, owner_id, made.unwrap_or(id)).await
        }
    }
}

impl PostDraft {
    /// Returns the slug that is made from the title; `None` if one is given or the title gives none.
    fn made_slug(&self) -> Option<Slug> {
        if self.slug.is_some() { None } else { Slug::from_title(&self.title) }
    }

    /// Returns the slug of the post to create, without the number that a made one may get.
    pub(crate) fn shown_slug(&self) -> Option<Slug> {
        self.slug.clone().or_else(|| self.made_slug())
    }

    fn into_new(self, id: PostId, owner_id: AuthorId, body: Body, create_time: DateTime<Utc>) -> NewPost {
        let made = self.made_slug();
        let Self { title, slug, details, state, .. } = self;
        let slug = slug.map(NewSlug::Given).or(made.map(NewSlug::Made)).unwrap_or(NewSlug::FromId);
        NewPost { id, owner_id, slug, title, body, details, state, create_time }
    }
}

async fn render(state: &BlogState, content: Content) -> Result<Body, BlogError> {
    state.renderer.render(content).await.map_err(|_| BlogError::HtmlTooLarge("content"))
}

/// Returns the fingerprint of a request. A request without newer fields has the one of earlier versions, which remember
/// requests for a day.
fn fingerprint(draft: &PostDraft) -> Fingerprint {
    let fields = [draft.title.as_str(), draft.content.as_str()];
    let (slug, state) = (draft.slug.as_ref().map_or("", Slug::as_str), draft.state.as_str());
    let PostDetails { excerpt, tags, cover, language } = &draft.details;
    if draft.details != PostDetails::default() {
        let details = [excerpt.as_str(), tags.as_str(), cover.as_str(), language.as_str()];
        return Fingerprint::from_fields(&[&fields[..], &[slug, state], &details].concat());
    }
    match (&draft.slug, draft.state) {
        (None, PostState::Published) => Fingerprint::from_fields(&fields),
        _ => Fingerprint::from_fields(&[fields[0], fields[1], slug, state]),
    }
}

/// Returns the id of the post that an earlier run of this request created.
async fn earlier(state: &BlogState, request: Option<&RequestKey>) -> Result<Option<PostId>, BlogError> {
    let Some(key) = request else { return Ok(None) };
    match requests::find(state.store.db(), key, state.clock.now()).await? {
        Some(Earlier::Same(id)) => Ok(Some(id)),
        Some(Earlier::Other) => Err(BlogError::RequestIdReused),
        None => Ok(None),
    }
}

/// Answers a repeated request with the post in its current state.
async fn repeat(state: &BlogState, owner_id: AuthorId, id: PostId) -> Result<Submitted, BlogError> {
    let post = read::one(state, PostCaller::from_user(owner_id), id, PostView::Full).await?;
    Ok(Submitted::Post(Box::new(post)))
}
