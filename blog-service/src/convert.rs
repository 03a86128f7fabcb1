//! Conversion between wire messages and domain types.

pub(crate) mod list;

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

use crate::app::create::{CheckedDraft, PostDraft};
use crate::app::publish::PublishOrder;
use crate::app::read::WantedPost;
use crate::app::write::PostUpdate;
use crate::domain::{
    ADMIN, AuthorId, Content, CoverUrl, EDITOR, GivenExcerpt, LanguageCode, Post, PostCaller, PostChange, PostDetails,
    PostId, PostName, PostRights, PostState, PostView, Slug, Tag, TagCount, Tags, Title,
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
    let mut fields = Fields::default();
    let title = fields.read("title", Title::RULE, Title::parse(request.title));
    let content = fields.read("content", Content::RULE, Content::parse(request.content));
    let request_id = request_id::parse(&request.request_id);
    let request_id = request_id.map_err(|rule| fields.0.push(Violation::new("request_id", rule))).ok();
    let slug = (!request.slug.is_empty()).then(|| Slug::parse(request.slug)).transpose();
    let slug = fields.read("slug", Slug::RULE, slug);
    let excerpt = fields.read("excerpt", GivenExcerpt::RULE, GivenExcerpt::parse(request.excerpt));
    let tags = fields.tags("tags", &request.tags);
    let cover = fields.read("cover_image_url", CoverUrl::RULE, CoverUrl::parse(&request.cover_image_url));
    let language = fields.read("language_code", LanguageCode::RULE, LanguageCode::parse(&request.language_code));
    let state = if request.draft { PostState::Draft } else { PostState::Published };
    let draft = || {
        let details = PostDetails { excerpt: excerpt?, tags: tags?, cover: cover?, language: language? };
        let (title, content, slug, request_id) = (title?, content?, slug?, request_id?);
        Some(PostDraft { title, content, slug, details, state, request_id, validate_only: request.validate_only })
    };
    draft().ok_or(BlogError::InvalidFields(fields.0))
}

pub(crate) fn post_update(request: v1::UpdatePostRequest) -> Result<PostUpdate, BlogError> {
    let patch = request.patch.unwrap_or_default();
    let mut fields = Fields::default();
    let id = fields.read("id", ID_RULE, request.id.parse());
    let mask = request.update_mask.as_ref().map(|mask| mask.paths.as_slice());
    let known = [
        MaskField { name: "title", is_present: patch.title.is_some() },
        MaskField { name: "content", is_present: patch.content.is_some() },
        MaskField { name: "slug", is_present: patch.slug.is_some() },
        MaskField { name: "excerpt", is_present: patch.excerpt.is_some() },
        MaskField { name: "tags", is_present: !patch.tags.is_empty() },
        MaskField { name: "cover_image_url", is_present: patch.cover_image_url.is_some() },
        MaskField { name: "language_code", is_present: patch.language_code.is_some() },
    ];
    let chosen = mask::chosen(mask, &known).unwrap_or_else(|| {
        fields.0.push(Violation::new("update_mask", mask::RULE));
        Vec::new()
    });
    let text = |name: &str, text: Option<String>| chosen.contains(&name).then(|| text.unwrap_or_default());
    let title = text("title", patch.title).map(Title::parse).transpose();
    let title = fields.read("patch.title", Title::RULE, title);
    let content = text("content", patch.content).map(Content::parse).transpose();
    let content = fields.read("patch.content", Content::RULE, content);
    let slug = fields.read("patch.slug", Slug::RULE, text("slug", patch.slug).map(Slug::parse).transpose());
    let excerpt = text("excerpt", patch.excerpt).map(GivenExcerpt::parse).transpose();
    let excerpt = fields.read("patch.excerpt", GivenExcerpt::RULE, excerpt);
    let tags = chosen.contains(&"tags").then(|| fields.tags("patch.tags", &patch.tags));
    let cover = text("cover_image_url", patch.cover_image_url).map(|url| CoverUrl::parse(&url)).transpose();
    let cover = fields.read("patch.cover_image_url", CoverUrl::RULE, cover);
    let language = text("language_code", patch.language_code).map(|code| LanguageCode::parse(&code)).transpose();
    let language = fields.read("patch.language_code", LanguageCode::RULE, language);
    if chosen.is_empty() && fields.0.is_empty() {
        fields.0.push(Violation::new("patch", mask::EMPTY_RULE));
    }
    let (validate_only, expected) = (request.validate_only, etag::expected(&request.etag));
    let update = || {
        let tags = tags.map_or(Some(None), |tags| tags.map(Some))?;
        let (title, slug, excerpt, cover, language) = (title?, slug?, excerpt?, cover?, language?);
        let change = PostChange { title, body: None, slug, excerpt, tags, cover, language };
        Some(PostUpdate { id: id?, change, content: content?, expected, validate_only })
    };
    update().filter(|_| fields.0.is_empty()).ok_or(BlogError::InvalidFields(fields.0))
}

/// Violations of the fields that were read so far.
#[derive(Default)]
struct Fields(Vec<Violation>);

impl Fields {
    /// Returns a field's value, or notes that the field breaks its rule.
    fn read<T, E>(&mut self, field: &'static str, rule: &'static str, value: Result<T, E>) -> Option<T> {
        value.map_err(|_| self.0.push(Violation::new(field, rule))).ok()
    }

    /// Reads tags.
    fn tags(&mut self, field: &'static str, texts: &[String]) -> Option<Tags> {
        // More than these are not read, as they may be duplicates of each other.
        const MAX_TEXTS: usize = 64;
        if texts.len() > MAX_TEXTS {
            return self.read(field, Tags::RULE, Err(()));
        }
        let mut tags = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            match Tag::parse(text) {
                Ok(tag) => tags.push(tag),
                Err(_) => self.0.push(Violation::new(format!("{field}[{index}]"), Tag::RULE)),
            }
        }
        let joined = self.read(field, Tags::RULE, Tags::join(&tags));
        joined.filter(|_| tags.len() == texts.len())
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

/// Reads a time of publication.
fn publish_time(time: Timestamp) -> Result<DateTime<Utc>, BlogError> {
    read_time(time).ok_or_else(|| violation("publish_time", TIME_RULE))
}

const TIME_RULE: &str = "must be a time of the years 1 to 9999";

/// Reads a time, to the microsecond. Returns `None` for a time that breaks [`TIME_RULE`].
fn read_time(time: Timestamp) -> Option<DateTime<Utc>> {
    let nanos = u32::try_from(time.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    let time = nanos.and_then(|nanos| DateTime::from_timestamp(time.seconds, nanos));
    time.filter(|time| (1..=9999).contains(&time.year())).map(|time| time.trunc_subsecs(6))
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
    let excerpt = post.excerpt().to_owned();
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
        excerpt,
        tags: post.tags.iter().map(str::to_owned).collect(),
        content_html: post.content_html,
        cover_image_url: post.cover_image_url,
        language_code: post.language_code,
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

/// Returns the message of a tag in a list, with its encoded size in bytes.
pub(crate) fn tag_row(TagCount { tag, posts }: TagCount) -> PageRow<v1::TagCount, Tag> {
    let item = v1::TagCount { tag: tag.as_str().to_owned(), posts: i32::try_from(posts).unwrap_or(i32::MAX) };
    PageRow { id: tag, bytes: item.encoded_len(), item }
}

/// Returns the post that a draft would create.
pub(crate) fn checked_post(checked: CheckedDraft, owner_id: AuthorId) -> v1::Post {
    let CheckedDraft { draft, body } = checked;
    let given = draft.details.excerpt.clone().into_given();
    v1::Post {
        owner_id: owner_id.to_string(),
        slug: draft.shown_slug().map_or_else(String::new, Slug::into_string),
        state: state(draft.state).into(),
        title: draft.title.into_string(),
        content: body.content.into_string(),
        content_html: body.rendering.html,
        excerpt: given.unwrap_or(body.rendering.excerpt),
        tags: draft.details.tags.iter().map(str::to_owned).collect(),
        cover_image_url: draft.details.cover.into_string(),
        language_code: draft.details.language.into_string(),
        ..v1::Post::default()
    }
}

fn time(time: DateTime<Utc>) -> Timestamp {
    SystemTime::from(time).into()
}
