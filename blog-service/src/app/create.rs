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

/// Creates a post, or answers a repeated request with the post of its first run.
///
/// `reserve` waits for room for an answer with texts of this number of bytes. It runs after the rendering, which decides
/// the number, and before the write.
pub(crate) async fn create<E, F>(
    state: &BlogState,
    owner_id: AuthorId,
    draft: PostDraft,
    reserve: impl FnOnce(usize) -> F,
) -> Result<Submitted, E>
where
    E: From<BlogError>,
    F: Future<Output = Result<(), E>>,
{
    let request = draft.request_id.map(|id| RequestKey {
        caller: owner_id.to_string(),
        method: METHOD,
        id,
        fingerprint: fingerprint(&draft),
    });
    let made = earlier(state, request.as_ref()).await?;
    if let Some(id) = made.filter(|_| !draft.validate_only) {
        return Ok(repeat(state, owner_id, id).await?);
    }
    let checked = check(state, owner_id, draft).await?;
    reserve(checked.body.text_bytes()).await?;
    if checked.draft.validate_only {
        return Ok(Submitted::Checked(Box::new(checked)));
    }
    Ok(write(state, owner_id, checked, request.as_ref()).await?)
}

/// Charges the draft to the owner's quotas, then renders its content.
async fn check(state: &BlogState, owner_id: AuthorId, draft: PostDraft) -> Result<CheckedDraft, BlogError> {
    if draft.validate_only
        && let Some(slug) = &draft.slug
        && state.store.id_of_slug(slug).await?.is_some()
    {
        return Err(BlogError::SlugTaken);
    }
    state.meter(owner_id, 1, draft.title.as_str().len() + draft.content.as_str().len() + draft.details.bytes())?;
    let body = state.renderer.render(draft.content.clone()).await.map_err(|_| BlogError::HtmlTooLarge("content"))?;
    state.charge_html(owner_id, &body.rendering);
    Ok(CheckedDraft { draft, body })
}

async fn write(
    state: &BlogState,
    owner_id: AuthorId,
    checked: CheckedDraft,
    request: Option<&RequestKey>,
) -> Result<Submitted, BlogError> {
    let CheckedDraft { draft, body } = checked;
    let id = state.ids.next();
    match state.store.create_post(draft.into_new(id, owner_id, body, state.clock.now()), request).await? {
        Ok(post) => Ok(Submitted::Post(Box::new(post))),
        Err(NotCreated::SlugTaken) => Err(BlogError::SlugTaken),
        // The same request ran twice at the same time, and the other run finished first.
        Err(NotCreated::Repeated) => {
            let made = earlier(state, request).await?;
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
