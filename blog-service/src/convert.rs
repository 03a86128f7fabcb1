//! Between the wire and the domain.

use std::borrow::Cow;
use std::time::SystemTime;

use crate::api::v1;
use chrono::{DateTime, Utc};
use gatepost::{Identity, Rejection, SubjectKind};
use kit::failure::Violation;
use kit::request_id::{self, Fingerprint};
use kit::{etag, mask, page};
use prost_types::Timestamp;
use tonic::Request;
use uuid::Uuid;

use crate::domain::{Content, EDITOR, Post, PostChange, Title, View};
use crate::error::Error;

/// The most ids of a batch.
const MAX_BATCH: usize = 100;

/// The user who calls; a service owns no posts.
pub(crate) fn user<T>(request: &Request<T>) -> Result<Uuid, Error> {
    let identity = Identity::find(request).ok_or(Error::Refused(Rejection::TokenMissing))?;
    match identity.kind {
        SubjectKind::User => identity.subject.parse().map_err(|_| Error::Refused(Rejection::NotAllowed)),
        _ => Err(Error::Refused(Rejection::NotAllowed)),
    }
}

/// Who may change a post: its owner, and whoever has the role `editor`.
pub(crate) struct Writer {
    user: Option<Uuid>,
    is_editor: bool,
}

impl Writer {
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Error> {
        let identity = Identity::find(request).ok_or(Error::Refused(Rejection::TokenMissing))?;
        Ok(Self { user: user(request).ok(), is_editor: identity.has_role(EDITOR) })
    }

    /// The user; `None` for a service.
    pub(crate) fn user(&self) -> Option<Uuid> {
        self.user
    }

    /// Lets in whoever may change this post.
    pub(crate) fn must_own(&self, post: &Post) -> Result<(), Error> {
        if self.is_editor || self.user == Some(post.owner_id) { Ok(()) } else { Err(Error::NotPostOwner) }
    }
}

/// A post to be, whose fields keep their rules.
pub(crate) struct Draft {
    pub(crate) title: Title,
    pub(crate) content: Content,
    pub(crate) request_id: Option<Uuid>,
    pub(crate) validate_only: bool,
}

impl Draft {
    /// What makes two drafts the same request.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&[self.title.as_str(), self.content.as_str()])
    }
}

pub(crate) fn draft(request: v1::CreatePostRequest) -> Result<Draft, Error> {
    let mut violations = Vec::new();
    let title = Title::parse(request.title).map_err(|_| violations.push(Violation::new("title", Title::RULE)));
    let content =
        Content::parse(request.content).map_err(|_| violations.push(Violation::new("content", Content::RULE)));
    let request_id = request_id::parse(&request.request_id)
        .map_err(|description| violations.push(Violation::new("request_id", description)));
    match (title, content, request_id) {
        (Ok(title), Ok(content), Ok(request_id)) => {
            Ok(Draft { title, content, request_id, validate_only: request.validate_only })
        }
        _ => Err(Error::InvalidFields(violations)),
    }
}

/// A change of a post whose fields keep their rules.
pub(crate) struct PostUpdate {
    pub(crate) id: Uuid,
    pub(crate) change: PostChange,
    pub(crate) expected: Option<i32>,
    pub(crate) validate_only: bool,
}

pub(crate) fn post_update(request: v1::UpdatePostRequest) -> Result<PostUpdate, Error> {
    let patch = request.patch.unwrap_or_default();
    let mut violations = Vec::new();
    let id = request.id.parse().map_err(|_| violations.push(Violation::new("id", ID_RULE)));
    let mask = request.update_mask.as_ref().map(|mask| mask.paths.as_slice());
    let fields = [("title", patch.title.is_some()), ("content", patch.content.is_some())];
    let chosen = mask::chosen(mask, &fields).unwrap_or_else(|| {
        violations.push(Violation::new("update_mask", mask::RULE));
        Vec::new()
    });
    let mut change = PostChange::default();
    if chosen.contains(&"title") {
        match Title::parse(patch.title.unwrap_or_default()) {
            Ok(title) => change.title = Some(title),
            Err(_) => violations.push(Violation::new("patch.title", Title::RULE)),
        }
    }
    if chosen.contains(&"content") {
        match Content::parse(patch.content.unwrap_or_default()) {
            Ok(content) => change.content = Some(content),
            Err(_) => violations.push(Violation::new("patch.content", Content::RULE)),
        }
    }
    if chosen.is_empty() && violations.is_empty() {
        violations.push(Violation::new("patch", mask::EMPTY_RULE));
    }
    match id {
        Ok(id) if violations.is_empty() => {
            Ok(PostUpdate { id, change, expected: etag::expected(&request.etag), validate_only: request.validate_only })
        }
        _ => Err(Error::InvalidFields(violations)),
    }
}

/// The ids of a batch, and their texts as they were asked.
pub(crate) fn batch(texts: Vec<String>) -> Result<Vec<(Uuid, String)>, Error> {
    const MANY: &str = "must be at most 100 ids";
    const TWICE: &str = "must stand once";
    if texts.len() > MAX_BATCH {
        return Err(violation("ids", MANY));
    }
    let mut batch: Vec<(Uuid, String)> = Vec::with_capacity(texts.len());
    for (index, text) in texts.into_iter().enumerate() {
        let field = format!("ids[{index}]");
        let Ok(id) = text.parse() else { return Err(violation(field, ID_RULE)) };
        if batch.iter().any(|(other, _)| *other == id) {
            return Err(violation(field, TWICE));
        }
        batch.push((id, text));
    }
    Ok(batch)
}

pub(crate) fn id(text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(|_| violation("id", ID_RULE))
}

const ID_RULE: &str = "must be a UUID, as an answer of this service has it";

pub(crate) fn post_id(post: Option<v1::get_post_request::Post>) -> Result<Uuid, Error> {
    let Some(v1::get_post_request::Post::Id(id)) = post else {
        return Err(violation("id", "must name the post that is wanted"));
    };
    self::id(&id)
}

pub(crate) fn view(view: i32, default: View) -> Result<View, Error> {
    match v1::PostView::try_from(view) {
        Ok(v1::PostView::Unspecified) => Ok(default),
        Ok(v1::PostView::Basic) => Ok(View::Basic),
        Ok(v1::PostView::Full) => Ok(View::Full),
        Err(_) => Err(violation("view", "must be POST_VIEW_BASIC or POST_VIEW_FULL")),
    }
}

pub(crate) fn page_size(size: i32) -> Result<u32, Error> {
    page::size(size).ok_or_else(|| violation("page_size", page::SIZE_RULE))
}

fn violation(field: impl Into<Cow<'static, str>>, description: &'static str) -> Error {
    Error::InvalidFields(vec![Violation::new(field, description)])
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
        etag: etag::of(post.revision),
    }
}

/// The post that a draft would make.
pub(crate) fn post_to_be(draft: Draft, owner_id: Uuid) -> v1::Post {
    v1::Post {
        owner_id: owner_id.to_string(),
        title: draft.title.into_string(),
        content: draft.content.into_string(),
        ..v1::Post::default()
    }
}

fn time(time: DateTime<Utc>) -> Timestamp {
    SystemTime::from(time).into()
}
