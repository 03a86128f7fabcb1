//! Conversion between wire messages and domain types.

use std::borrow::Cow;
use std::time::SystemTime;

use crate::api::v1;
use chrono::{DateTime, Datelike as _, SubsecRound as _, Utc};
use gatepost::{Identity, Rejection, SubjectKind};
use kit::failure::{Violation, both};
use kit::mask::MaskField;
use kit::page::PageRow;
use kit::{etag, mask, page, request_id};
use prost::Message as _;
use prost_types::Timestamp;
use tonic::Request;

use crate::app::create::PostDraft;
use crate::app::publish::PublishOrder;
use crate::app::read::WantedPost;
use crate::app::write::PostUpdate;
use crate::domain::{
    ADMIN, AuthorId, Content, EDITOR, Post, PostCaller, PostChange, PostId, PostName, PostRights, PostState, PostView,
    Slug, Title,
};
use crate::error::BlogError;

/// Largest number of ids of a batch.
const MAX_BATCH_IDS: usize = 100;

/// Returns the calling user; fails for a service, which owns no posts.
pub(crate) fn user<T>(request: &Request<T>) -> Result<AuthorId, BlogError> {
    let identity = Identity::find(request).ok_or(BlogError::Refused(Rejection::TokenMissing))?;
    match identity.kind {
        SubjectKind::User => identity.subject.parse().map_err(|_| BlogError::Refused(Rejection::NotAllowed)),
        _ => Err(BlogError::Refused(Rejection::NotAllowed)),
    }
}

/// Returns the caller with its rights. Public reads have callers without a token, too.
pub(crate) fn caller<T>(request: &Request<T>) -> PostCaller {
    let rights = match Identity::find(request) {
        Some(identity) if identity.has_role(EDITOR) => PostRights::Editor,
        Some(identity) if identity.has_role(ADMIN) => PostRights::Viewer,
        _ => PostRights::Reader,
    };
    PostCaller { user: user(request).ok(), rights }
}

/// Returns the caller of a method that needs a token.
pub(crate) fn known_caller<T>(request: &Request<T>) -> Result<PostCaller, BlogError> {
    Identity::find(request).ok_or(BlogError::Refused(Rejection::TokenMissing))?;
    Ok(caller(request))
}

pub(crate) fn draft(request: v1::CreatePostRequest) -> Result<PostDraft, BlogError> {
    let mut violations = Vec::new();
    let title = Title::parse(request.title).map_err(|_| violations.push(Violation::new("title", Title::RULE)));
    let content =
        Content::parse(request.content).map_err(|_| violations.push(Violation::new("content", Content::RULE)));
    let request_id = request_id::parse(&request.request_id)
        .map_err(|description| violations.push(Violation::new("request_id", description)));
    let slug = (!request.slug.is_empty()).then(|| Slug::parse(request.slug)).transpose();
    let slug = slug.map_err(|_| violations.push(Violation::new("slug", Slug::RULE)));
    match (title, content, request_id, slug) {
        (Ok(title), Ok(content), Ok(request_id), Ok(slug)) => {
            let state = if request.draft { PostState::Draft } else { PostState::Published };
            Ok(PostDraft { title, content, slug, state, request_id, validate_only: request.validate_only })
        }
        _ => Err(BlogError::InvalidFields(violations)),
    }
}

pub(crate) fn post_update(request: v1::UpdatePostRequest) -> Result<PostUpdate, BlogError> {
    let patch = request.patch.unwrap_or_default();
    let mut violations = Vec::new();
    let id = request.id.parse().map_err(|_| violations.push(Violation::new("id", ID_RULE)));
    let mask = request.update_mask.as_ref().map(|mask| mask.paths.as_slice());
    let fields = [
        MaskField { name: "title", is_present: patch.title.is_some() },
        MaskField { name: "content", is_present: patch.content.is_some() },
        MaskField { name: "slug", is_present: patch.slug.is_some() },
    ];
    let chosen = mask::chosen(mask, &fields).unwrap_or_else(|| {
        violations.push(Violation::new("update_mask", mask::RULE));
        Vec::new()
    });
    let title = chosen.contains(&"title").then(|| Title::parse(patch.title.unwrap_or_default())).transpose();
    let title = title.map_err(|_| violations.push(Violation::new("patch.title", Title::RULE)));
    let content = chosen.contains(&"content").then(|| Content::parse(patch.content.unwrap_or_default())).transpose();
    let content = content.map_err(|_| violations.push(Violation::new("patch.content", Content::RULE)));
    let slug = chosen.contains(&"slug").then(|| Slug::parse(patch.slug.unwrap_or_default())).transpose();
    let slug = slug.map_err(|_| violations.push(Violation::new("patch.slug", Slug::RULE)));
    if chosen.is_empty() && violations.is_empty() {
        violations.push(Violation::new("patch", mask::EMPTY_RULE));
    }
    match (id, title, content, slug) {
        (Ok(id), Ok(title), Ok(content), Ok(slug)) if violations.is_empty() => {
            let (change, expected) = (PostChange { title, content, slug }, etag::expected(&request.etag));
            Ok(PostUpdate { id, change, expected, validate_only: request.validate_only })
        }
        _ => Err(BlogError::InvalidFields(violations)),
    }
}

/// Reads the ids of a batch.
pub(crate) fn batch(texts: Vec<String>) -> Result<Vec<WantedPost>, BlogError> {
    const MANY: &str = "must be at most 100 ids";
    const TWICE: &str = "must be listed once";
    if texts.len() > MAX_BATCH_IDS {
        return Err(violation("ids", MANY));
    }
    let mut batch: Vec<WantedPost> = Vec::with_capacity(texts.len());
    for (index, text) in texts.into_iter().enumerate() {
        let field = format!("ids[{index}]");
        let Ok(id) = text.parse() else { return Err(violation(field, ID_RULE)) };
        if batch.iter().any(|other| other.id == id) {
            return Err(violation(field, TWICE));
        }
        batch.push(WantedPost { id, text });
    }
    Ok(batch)
}

pub(crate) fn id(text: &str) -> Result<PostId, BlogError> {
    text.parse().map_err(|_| violation("id", ID_RULE))
}

const ID_RULE: &str = "must be a UUID, as an answer of this service has it";

pub(crate) fn post_name(post: Option<v1::get_post_request::Post>) -> Result<PostName, BlogError> {
    match post {
        Some(v1::get_post_request::Post::Id(id)) => self::id(&id).map(PostName::Id),
        Some(v1::get_post_request::Post::Slug(slug)) => {
            PostName::from_slug(slug).map_err(|_| violation("slug", GET_SLUG_RULE))
        }
        None => Err(violation("id", "must name a post, or slug must")),
    }
}

const GET_SLUG_RULE: &str = "must have 1 to 128 characters of a-z, 0-9 and -";

pub(crate) fn publish_order(request: &v1::PublishPostRequest) -> Result<PublishOrder, BlogError> {
    let publish_time = request.publish_time.map(publish_time).transpose();
    let (id, publish_time) = both(id(&request.id), publish_time)?;
    Ok(PublishOrder { id, publish_time, expected: etag::expected(&request.etag) })
}

/// Reads a time of publication, to the microsecond.
fn publish_time(time: Timestamp) -> Result<DateTime<Utc>, BlogError> {
    let nanos = u32::try_from(time.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    let time = nanos.and_then(|nanos| DateTime::from_timestamp(time.seconds, nanos));
    let time = time.filter(|time| (1..=9999).contains(&time.year())).map(|time| time.trunc_subsecs(6));
    time.ok_or_else(|| violation("publish_time", "must be a time of the years 1 to 9999"))
}

pub(crate) fn view(view: i32, default: PostView) -> Result<PostView, BlogError> {
    match v1::PostView::try_from(view) {
        Ok(v1::PostView::Unspecified) => Ok(default),
        Ok(v1::PostView::Basic) => Ok(PostView::Basic),
        Ok(v1::PostView::Full) => Ok(PostView::Full),
        Err(_) => Err(violation("view", "must be POST_VIEW_BASIC or POST_VIEW_FULL")),
    }
}

pub(crate) fn page_size(size: i32) -> Result<u32, BlogError> {
    page::size(size).ok_or_else(|| violation("page_size", page::SIZE_RULE))
}

fn violation(field: impl Into<Cow<'static, str>>, description: &'static str) -> BlogError {
    BlogError::InvalidFields(vec![Violation::new(field, description)])
}

pub(crate) fn post(post: Post) -> v1::Post {
    v1::Post {
        id: post.id.to_string(),
        owner_id: post.owner_id.to_string(),
        title: post.title,
        content: post.content,
        create_time: Some(time(post.create_time)),
        update_time: Some(time(post.update_time)),
        revision: post.revision,
        etag: etag::from_revision(post.revision),
        slug: post.slug,
        state: state(post.state).into(),
        publish_time: post.publish_time.map(time),
    }
}

fn state(state: PostState) -> v1::PostState {
    match state {
        PostState::Draft => v1::PostState::Draft,
        PostState::Scheduled => v1::PostState::Scheduled,
        PostState::Published => v1::PostState::Published,
    }
}

/// Returns the message of the post in a list, with its encoded size in bytes.
pub(crate) fn row(post: Post) -> PageRow<v1::Post, PostId> {
    let (id, item) = (post.id, self::post(post));
    PageRow { id, bytes: item.encoded_len(), item }
}

/// Returns the post that a draft would create.
pub(crate) fn draft_post(draft: PostDraft, owner_id: AuthorId) -> v1::Post {
    v1::Post {
        owner_id: owner_id.to_string(),
        slug: draft.shown_slug().map_or_else(String::new, Slug::into_string),
        state: state(draft.state).into(),
        title: draft.title.into_string(),
        content: draft.content.into_string(),
        ..v1::Post::default()
    }
}

fn time(time: DateTime<Utc>) -> Timestamp {
    SystemTime::from(time).into()
}
