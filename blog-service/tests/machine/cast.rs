//! Turns the random numbers (dice) of a step into a call. This happens when the step runs: only then is it known which
//! posts exist.

use blog_service::domain::{
    AuthorId, Body, Content, CoverUrl, Direction, GivenExcerpt, LanguageCode, OrderField, PostChange, PostDetails,
    PostFacts, PostId, PostOrder, PostState, PostView, Publication, PublishedRange, Slug, Tag, Tags, Title,
};
use blog_service::store::{NewPost, NewSlug, PostSource};
use kit::request_id::{Fingerprint, REQUEST_ID_LIFETIME, RequestId, RequestKey};
use testkit::{machine, start};

use super::calls::{Call, Time};
use super::model::Model;
use super::pools::{
    CONTENTS, COVERS, DELAYS, EXCERPTS, FIELDS, LANGUAGES, LIMITS, OWNERS, REQUESTS, SAID, SLUGS, STATES, TAGS, TIMES,
    TITLES,
};
use super::steps::{Method, Passes, Step};

/// The current time and the possible targets of calls: 16 slots, each with the id of its latest post.
pub(crate) struct Cast {
    pub(crate) now: Time,
    pub(crate) posts: [PostId; 16],
    made: u16,
}

type Dice = machine::Dice<24>;

fn view(dice: &mut Dice) -> PostView {
    dice.of(&[PostView::Basic, PostView::Full])
}

fn title(dice: &mut Dice) -> Title {
    Title::parse(dice.of(&TITLES).to_owned()).unwrap()
}

fn slug(dice: &mut Dice) -> Slug {
    Slug::parse(dice.of(&SLUGS).to_owned()).unwrap()
}

fn new_slug(dice: &mut Dice) -> NewSlug {
    match dice.roll() % 5 {
        0 | 1 => NewSlug::Given(slug(dice)),
        2 | 3 => NewSlug::Made(slug(dice)),
        _ => NewSlug::FromId,
    }
}

fn body(dice: &mut Dice) -> Body {
    Body::from_content(Content::parse(dice.of(&CONTENTS).repeat(dice.of(&TIMES))).unwrap()).unwrap()
}

fn excerpt(dice: &mut Dice) -> GivenExcerpt {
    GivenExcerpt::parse(dice.of(&EXCERPTS).to_owned()).unwrap()
}

fn tags(dice: &mut Dice) -> Tags {
    let tags: Vec<Tag> = dice.of(&TAGS).iter().map(|tag| Tag::parse(tag).unwrap()).collect();
    Tags::join(&tags).unwrap()
}

fn cover(dice: &mut Dice) -> CoverUrl {
    CoverUrl::parse(dice.of(&COVERS)).unwrap()
}

fn language(dice: &mut Dice) -> LanguageCode {
    LanguageCode::parse(dice.of(&LANGUAGES)).unwrap()
}

fn source(dice: &mut Dice, now: Time) -> PostSource {
    let state = dice.of(&STATES);
    match dice.roll() % 4 {
        0 => PostSource::Owner { owner: dice.of(&OWNERS), state },
        1 => PostSource::Tag(Tag::parse(dice.of(&["rust", "\u{e9}t\u{e9}", "null", "none"])).unwrap()),
        _ => {
            let after = dice.one_in(3).then(|| now + dice.of(&DELAYS));
            let before = dice.one_in(3).then(|| now + dice.of(&DELAYS));
            PostSource::State { state, field: dice.of(&FIELDS), published: PublishedRange { after, before } }
        }
    }
}

fn by_publish_time(state: PostState, published: PublishedRange) -> PostSource {
    PostSource::State { state, field: OrderField::PublishTime, published }
}

impl Cast {
    pub(crate) fn new() -> Self {
        let missing = std::array::from_fn(|slot| PostId::from_u128(slot as u128 + 1));
        Self { now: start(), posts: missing, made: 0 }
    }

    /// Returns the call of this step.
    pub(crate) fn call(&mut self, step: Step, model: &Model) -> Call {
        self.now = self.later(step.passes, model);
        let dice = &mut Dice::new(step.dice);
        let id = dice.of(&self.posts);
        match step.method {
            Method::Create => self.create(dice),
            Method::Post => Call::Post { id, view: view(dice) },
            Method::Posts => {
                let ids = self.some(dice);
                Call::Posts { ids, view: view(dice) }
            }
            Method::Sizes => Call::Sizes { ids: self.some(dice) },
            Method::Tags => {
                let after = dice.one_in(2).then(|| Tag::parse(dice.of(&SLUGS)).unwrap());
                Call::Tags { after, limit: dice.of(&LIMITS) }
            }
            Method::IdOfSlug => Call::IdOfSlug { slug: slug(dice) },
            Method::Publish => {
                let publication = Publication::from_time(Some(self.now + dice.of(&DELAYS)), self.now);
                Call::Publish { id, publication, expected: expected(id, dice, model), now: self.now }
            }
            Method::Unpublish => Call::Unpublish { id, expected: expected(id, dice, model), now: self.now },
            Method::PublishDue => Call::PublishDue { now: self.now + dice.of(&DELAYS) },
            Method::List => {
                let after = dice.one_in(2).then_some(id);
                Call::List { after, limit: dice.of(&LIMITS), view: view(dice) }
            }
            Method::Facts => {
                let (source, direction) =
                    (source(dice, self.now), dice.of(&[Direction::Ascending, Direction::Descending]));
                let order = PostOrder { field: source.field(), direction };
                let after = model.posts.get(&id).filter(|_| dice.one_in(2));
                let after = after.map(|post| order.position(&PostFacts::from(post)));
                Call::Facts { source, direction, after, limit: dice.of(&LIMITS) }
            }
            Method::Count => {
                let source = match source(dice, self.now) {
                    PostSource::State { state, published, .. } => by_publish_time(state, published),
                    other => other,
                };
                Call::Count { source, limit: dice.of(&LIMITS) }
            }
            Method::Update => {
                let change = PostChange {
                    title: dice.one_in(2).then(|| title(dice)),
                    body: dice.one_in(2).then(|| body(dice)),
                    slug: dice.one_in(2).then(|| slug(dice)),
                    excerpt: dice.one_in(3).then(|| excerpt(dice)),
                    tags: dice.one_in(3).then(|| tags(dice)),
                    cover: dice.one_in(3).then(|| cover(dice)),
                    language: dice.one_in(3).then(|| language(dice)),
                };
                Call::Update { id, change, expected: expected(id, dice, model), now: self.now }
            }
            Method::Delete => Call::Delete { id, expected: expected(id, dice, model) },
            Method::Earlier => Call::Earlier { key: request(dice), now: self.now },
            Method::PageTokenKey => Call::PageTokenKey { fresh: [dice.roll(); 64] },
        }
    }

    /// Returns up to eight ids.
    fn some(&self, dice: &mut Dice) -> Vec<PostId> {
        let (first, count) = (usize::from(dice.roll()), usize::from(dice.roll()) % 9);
        (0..count).map(|next| self.posts[(first + next) % self.posts.len()]).collect()
    }

    fn later(&self, passes: Passes, model: &Model) -> Time {
        match passes {
            Passes::So(span) => self.now + span,
            Passes::UntilAnEnd(offset) => {
                let ends = model.requests.values().map(|request| request.time + REQUEST_ID_LIFETIME + offset);
                ends.filter(|end| *end >= self.now).min().unwrap_or(self.now)
            }
        }
    }

    fn create(&mut self, dice: &mut Dice) -> Call {
        self.made += 1;
        // A UUIDv7: milliseconds, version and variant, a random part, and a number that makes the id unique.
        let millis = u128::try_from(self.now.timestamp_millis()).unwrap();
        let id = (millis << 80) | (7 << 76) | (2 << 62) | (u128::from(dice.roll()) << 16) | u128::from(self.made);
        let new = NewPost {
            id: PostId::from_u128(id),
            owner_id: dice.of(&OWNERS),
            title: title(dice),
            body: body(dice),
            details: PostDetails {
                excerpt: excerpt(dice),
                tags: tags(dice),
                cover: cover(dice),
                language: language(dice),
            },
            slug: new_slug(dice),
            state: if dice.one_in(2) { PostState::Draft } else { PostState::Published },
            create_time: self.now,
        };
        let slot = usize::from(dice.roll()) % self.posts.len();
        self.posts[slot] = new.id;
        let request = dice.one_in(2).then(|| request(dice));
        Call::Create { new, request }
    }

    /// Returns every request that a sequence may have made.
    pub(crate) fn requests() -> impl Iterator<Item = RequestKey> {
        let all = (0..REQUESTS).flat_map(|id| OWNERS.map(|owner| (id, owner)));
        all.flat_map(|(id, owner)| SAID.map(|said| key(owner, id, said)))
    }
}

/// Returns the revision that a change expects: the post's own, the one before or after, or `None`.
fn expected(id: PostId, dice: &mut Dice, model: &Model) -> Option<i32> {
    let revision = model.posts.get(&id).map_or(1, |post| post.revision);
    dice.of(&[None, None, Some(revision), Some(revision), Some(revision), Some(revision - 1), Some(revision + 1)])
}

fn request(dice: &mut Dice) -> RequestKey {
    key(dice.of(&OWNERS), dice.roll() % REQUESTS, dice.of(&SAID))
}

fn key(owner: AuthorId, id: u8, said: &str) -> RequestKey {
    RequestKey {
        caller: owner.to_string(),
        method: "CreatePost",
        id: RequestId::from_u128(0xf00 + u128::from(id)),
        fingerprint: Fingerprint::from_fields(&[said]),
    }
}
