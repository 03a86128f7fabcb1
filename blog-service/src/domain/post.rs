//! Posts and their changes.

use chrono::{DateTime, Utc};

use super::{AuthorId, Body, CoverUrl, GivenExcerpt, LanguageCode, PostId, PostState, Rendering, Slug, Tags, Title};

/// A stored post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Id.
    pub id: PostId,
    /// Author and owner.
    pub owner_id: AuthorId,
    /// Current slug; the id's text if the post has no slug of its own.
    pub slug: String,
    /// Title.
    pub title: String,
    /// Text; empty in the basic view.
    pub content: String,
    /// Sanitized HTML of the text; empty in the basic view, and while it is out of date.
    pub content_html: String,
    /// True if the HTML and the made excerpt are those of this text and of this version of the renderer.
    pub is_rendered: bool,
    /// Excerpt that the author gave.
    pub given_excerpt: Option<String>,
    /// Excerpt that was made from the text; empty until the text is rendered for the first time.
    pub made_excerpt: String,
    /// Tags.
    pub tags: Tags,
    /// URL of the cover image; empty if there is none.
    pub cover_image_url: String,
    /// Language; empty if it is unknown.
    pub language_code: String,
    /// State.
    pub state: PostState,
    /// Time of publication, past or planned; `None` for a draft.
    pub publish_time: Option<DateTime<Utc>>,
    /// Number of writes of the row.
    pub revision: i32,
    /// Time of creation.
    pub create_time: DateTime<Utc>,
    /// Time of the last change.
    pub update_time: DateTime<Utc>,
}

/// Size of a post, with the facts that decide who may see the post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostSize {
    /// The post.
    pub id: PostId,
    /// Owner of the post.
    pub owner_id: AuthorId,
    /// State of the post.
    pub state: PostState,
    /// Bytes of its texts, without the slug and the language.
    pub octets: u64,
}

/// Fields of a post that a read returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostView {
    /// All fields but the content and its HTML.
    Basic,
    /// All fields.
    Full,
}

/// Fields of a new post that readers see beside its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostDetails {
    /// Excerpt; empty if it is made from the text.
    pub excerpt: GivenExcerpt,
    /// Tags.
    pub tags: Tags,
    /// Cover image.
    pub cover: CoverUrl,
    /// Language.
    pub language: LanguageCode,
}

/// A change of a post; a field that is `None` stays unchanged.
#[derive(Clone, Debug, Default)]
pub struct PostChange {
    /// New title.
    pub title: Option<Title>,
    /// New text, with its rendering.
    pub body: Option<Body>,
    /// New slug.
    pub slug: Option<Slug>,
    /// New excerpt; an empty one returns to the excerpt that is made from the text.
    pub excerpt: Option<GivenExcerpt>,
    /// New tags, in place of all.
    pub tags: Option<Tags>,
    /// New cover image.
    pub cover: Option<CoverUrl>,
    /// New language.
    pub language: Option<LanguageCode>,
}

impl Post {
    /// Returns the excerpt: the author's, or the one that was made from the text.
    pub fn excerpt(&self) -> &str {
        self.given_excerpt.as_deref().unwrap_or(&self.made_excerpt)
    }

    /// Returns the author's excerpt; empty if there is none.
    pub fn given_excerpt(&self) -> &str {
        self.given_excerpt.as_deref().unwrap_or_default()
    }

    /// Returns the number of bytes of all texts.
    pub fn text_bytes(&self) -> usize {
        let octets = usize::try_from(self.size().octets).unwrap_or(usize::MAX);
        octets + self.slug.len() + self.language_code.len()
    }

    /// Returns the size of the post. The slug and the language count as small.
    pub fn size(&self) -> PostSize {
        let (given, made) = (self.given_excerpt(), self.made_excerpt.as_str());
        let texts = [&self.title, &self.content, &self.content_html, given, made, &self.cover_image_url];
        let octets = texts.map(str::len).iter().sum::<usize>() + self.tags.as_str().len();
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        PostSize { id: self.id, owner_id: self.owner_id, state: self.state, octets }
    }

    /// Returns a copy without text and HTML.
    #[must_use]
    pub fn basic(&self) -> Self {
        Self {
            slug: self.slug.clone(),
            title: self.title.clone(),
            content: String::new(),
            content_html: String::new(),
            given_excerpt: self.given_excerpt.clone(),
            made_excerpt: self.made_excerpt.clone(),
            tags: self.tags.clone(),
            cover_image_url: self.cover_image_url.clone(),
            language_code: self.language_code.clone(),
            ..*self
        }
    }

    /// Returns the post with this rendering of its text.
    #[must_use]
    pub fn with_rendering(self, rendering: Rendering) -> Self {
        Self { content_html: rendering.html, made_excerpt: rendering.excerpt, is_rendered: true, ..self }
    }
}

impl PostDetails {
    /// Returns the number of bytes that are stored.
    pub fn bytes(&self) -> usize {
        let Self { excerpt, tags, cover, language } = self;
        [excerpt.as_str(), tags.as_str(), cover.as_str(), language.as_str()].map(str::len).iter().sum()
    }
}

impl PostChange {
    /// Returns the number of bytes that the change writes, without the text and the slug.
    pub fn bytes(&self) -> usize {
        let Self { title, body: _, slug: _, excerpt, tags, cover, language } = self;
        title.as_ref().map_or(0, |title| title.as_str().len())
            + excerpt.as_ref().map_or(0, |excerpt| excerpt.as_str().len())
            + tags.as_ref().map_or(0, |tags| tags.as_str().len())
            + cover.as_ref().map_or(0, |cover| cover.as_str().len())
            + language.as_ref().map_or(0, |language| language.as_str().len())
    }

    /// Returns the post with this change.
    #[must_use]
    pub fn apply(self, post: Post) -> Post {
        let post = match self.body {
            Some(Body { content, rendering }) => {
                Post { content: content.into_string(), ..post }.with_rendering(rendering)
            }
            None => post,
        };
        Post {
            title: self.title.map_or(post.title, Title::into_string),
            slug: self.slug.map_or(post.slug, Slug::into_string),
            given_excerpt: self.excerpt.map_or(post.given_excerpt, GivenExcerpt::into_given),
            tags: self.tags.unwrap_or(post.tags),
            cover_image_url: self.cover.map_or(post.cover_image_url, CoverUrl::into_string),
            language_code: self.language.map_or(post.language_code, LanguageCode::into_string),
            ..post
        }
    }
}
