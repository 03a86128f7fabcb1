//! Between the wire and the domain.

use std::time::SystemTime;

use gatepost::api::blog::v1;
use gatepost::{Identity, Refusal, SubjectKind};
use kit::failure::Violation;
use tonic::Request;
use uuid::Uuid;

use crate::domain::{Content, Post, Title, View};
use crate::error::Error;

/// Posts of a page without a wish, and the most of them.
const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 1000;

/// The user who calls; a service owns no posts.
pub(crate) fn user<T>(request: &Request<T>) -> Result<Uuid, Error> {
    let identity = Identity::find(request).ok_or(Error::Refused(Refusal::TokenMissing))?;
    match identity.kind {
        SubjectKind::User => identity.subject.parse().map_err(|_| Error::Refused(Refusal::NotAllowed)),
        SubjectKind::Service => Err(Error::Refused(Refusal::NotAllowed)),
    }
}

pub(crate) fn texts(request: v1::CreatePostRequest) -> Result<(Title, Content), Error> {
    let mut violations = Vec::new();
    let title = Title::parse(request.title)
        .map_err(|_| violations.push(Violation { field: "title", description: Title::RULE.into() }));
    let content = Content::parse(request.content)
        .map_err(|_| violations.push(Violation { field: "content", description: Content::RULE.into() }));
    match (title, content) {
        (Ok(title), Ok(content)) => Ok((title, content)),
        _ => Err(Error::InvalidFields(violations)),
    }
}

pub(crate) fn post_id(post: Option<v1::get_post_request::Post>) -> Result<Uuid, Error> {
    let Some(v1::get_post_request::Post::Id(id)) = post else {
        return Err(violation("id", "must name the post that is wanted"));
    };
    id.parse().map_err(|_| violation("id", "must be a UUID, as an answer of this service has it"))
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
    match u32::try_from(size) {
        Ok(0) => Ok(DEFAULT_PAGE),
        Ok(size) => Ok(size.min(MAX_PAGE)),
        Err(_) => Err(violation("page_size", "must be 1 to 1000, or 0 for 50")),
    }
}

fn violation(field: &'static str, description: &'static str) -> Error {
    Error::InvalidFields(vec![Violation { field, description: description.into() }])
}

pub(crate) fn post(post: Post) -> v1::Post {
    v1::Post {
        id: post.id.to_string(),
        owner_id: post.owner_id.to_string(),
        title: post.title,
        content: post.content,
        create_time: Some(SystemTime::from(post.create_time).into()),
        update_time: Some(SystemTime::from(post.update_time).into()),
        revision: post.revision,
        etag: format!("r{}", post.revision),
    }
}
