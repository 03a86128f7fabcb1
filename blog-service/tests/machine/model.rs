//! The documented behavior of the store's methods, in memory: written from their documentation, not from their SQL.

use std::collections::{BTreeMap, BTreeSet};

use blog_service::domain::{
    Direction, OrderField, Post, PostChange, PostFacts, PostId, PostOrder, PostPosition, PostSize, PostState, PostView,
    Publication, Slug, SlugNumbers, Tag, TagCount, Title,
};
use blog_service::store::{NewPost, NewSlug, NotCreated, PostSource, PostUnchanged, PublishedPosts};
use chrono::TimeDelta;
use db::requests::Earlier;
use kit::request_id::{Fingerprint, REQUEST_ID_LIFETIME, RequestId, RequestKey};

use super::calls::{Answer, Call, Time};

/// All data of a store.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) posts: BTreeMap<PostId, Post>,
    /// Posts of the slugs, current and earlier ones.
    slugs: BTreeMap<String, PostId>,
    /// Last numbers of the slugs that were made, since the last deletion.
    last_numbers: BTreeMap<Slug, u32>,
    /// Requests by caller, method and id.
    pub(crate) requests: BTreeMap<(String, &'static str, RequestId), Request>,
    page_token_key: Option<[u8; 64]>,
}

pub(crate) struct Request {
    fingerprint: Fingerprint,
    resource: PostId,
    pub(crate) time: Time,
}

impl Model {
    pub(crate) fn answer(&mut self, call: &Call) -> Answer {
        match call {
            Call::Create { new, request } => Answer::Created(self.create(new, request.as_ref())),
            Call::Post { id, view } => Answer::Post(self.posts.get(id).map(|post| seen(post, *view))),
            Call::Posts { ids, view } => {
                let wanted = self.posts.values().filter(|post| ids.contains(&post.id));
                Answer::Posts(wanted.map(|post| seen(post, *view)).collect())
            }
            Call::List { after, limit, view } => {
                let published = self.posts.values().rev().filter(|post| post.state == PostState::Published);
                let older = published.filter(|post| after.is_none_or(|after| post.id < after));
                Answer::Posts(older.take(*limit as usize).map(|post| seen(post, *view)).collect())
            }
            Call::Facts { source, direction, after, limit } => {
                Answer::Facts(self.facts(source, *direction, after.as_ref(), *limit))
            }
            Call::Count { source, limit } => {
                let count = self.posts.values().filter(|post| is_of(post, source)).count();
                Answer::Count(u32::try_from(count).unwrap().min(*limit))
            }
            Call::Update { id, change, expected, now } => Answer::Changed(self.update(*id, change, *expected, *now)),
            Call::Delete { id, expected } => {
                let found = self.changeable(*id, *expected).map(drop);
                Answer::Deleted(found.inspect(|()| self.delete(*id)))
            }
            Call::Publish { id, publication, expected, now } => {
                Answer::Changed(self.publish(*id, *publication, *expected, *now))
            }
            Call::Unpublish { id, expected, now } => {
                let post = self.changeable(*id, *expected).and_then(|post| unless(post, PostState::Draft));
                Answer::Changed(post.map(|post| moved(post, PostState::Draft, None, *now)))
            }
            Call::PublishDue { now } => Answer::Due(self.publish_due(*now)),
            Call::IdOfSlug { slug } => Answer::Id(self.slugs.get(slug.as_str()).copied()),
            Call::Sizes { ids } => {
                let ids: BTreeSet<PostId> = ids.iter().copied().collect();
                Answer::Sizes(ids.iter().filter_map(|id| self.posts.get(id)).map(size).collect())
            }
            Call::Tags { after, limit } => Answer::Tags(self.tags(after.as_ref(), *limit)),
            Call::Earlier { key, now } => Answer::Earlier(self.earlier(key, *now)),
            Call::PageTokenKey { fresh } => Answer::Key(*self.page_token_key.get_or_insert(*fresh)),
        }
    }

    fn create(&mut self, new: &NewPost, request: Option<&RequestKey>) -> Result<Post, NotCreated> {
        let number = self.first_number(&new.slug);
        if let Some(key) = request {
            let id = (key.caller.clone(), key.method, key.id);
            if self.requests.get(&id).is_some_and(|earlier| new.create_time - earlier.time < REQUEST_ID_LIFETIME) {
                return Err(NotCreated::Repeated);
            }
        }
        let slug = self.new_slug(&new.slug, number)?;
        if let Some(key) = request {
            let id = (key.caller.clone(), key.method, key.id);
            let request = Request { fingerprint: key.fingerprint, resource: new.id, time: new.create_time };
            self.requests.insert(id, request);
        }
        let post = Post {
            id: new.id,
            owner_id: new.owner_id,
            slug: slug.as_ref().map_or_else(|| new.id.to_string(), |slug| slug.as_str().to_owned()),
            state: new.state,
            publish_time: (new.state == PostState::Published).then_some(new.create_time),
            title: new.title.as_str().to_owned(),
            content: new.body.content.as_str().to_owned(),
            content_html: new.body.rendering.html.clone(),
            is_rendered: true,
            given_excerpt: Some(new.details.excerpt.as_str().to_owned()).filter(|excerpt| !excerpt.is_empty()),
            made_excerpt: new.body.rendering.excerpt.clone(),
            tags: new.details.tags.clone(),
            cover_image_url: new.details.cover.as_str().to_owned(),
            language_code: new.details.language.as_str().to_owned(),
            revision: 1,
            create_time: new.create_time,
            update_time: new.create_time,
        };
        self.posts.insert(new.id, post.clone());
        self.slugs.extend(slug.map(|slug| (slug.into_string(), new.id)));
        Ok(post)
    }

    /// Takes the number that a new post tries first.
    fn first_number(&mut self, wanted: &NewSlug) -> u32 {
        let NewSlug::Made(base) = wanted else { return SlugNumbers::FIRST };
        let Some(last) = self.last_numbers.get_mut(base) else { return SlugNumbers::FIRST };
        *last += 1;
        *last
    }

    /// Returns the slug that a new post gets, if it tries this number first.
    fn new_slug(&mut self, wanted: &NewSlug, number: u32) -> Result<Option<Slug>, NotCreated> {
        let is_taken = |slug: &Slug| self.slugs.contains_key(slug.as_str());
        match wanted {
            NewSlug::FromId => Ok(None),
            NewSlug::Given(slug) if is_taken(slug) => Err(NotCreated::SlugTaken),
            NewSlug::Given(slug) => Ok(Some(slug.clone())),
            NewSlug::Made(base) if is_taken(&base.numbered(number)) => {
                let mut numbers = SlugNumbers::after(number);
                while !numbers.probes().is_empty() {
                    numbers.note(|number| is_taken(&base.numbered(number)));
                }
                let free = numbers.free();
                self.last_numbers.extend(free.map(|free| (base.clone(), free)));
                Ok(free.map(|free| base.numbered(free)))
            }
            NewSlug::Made(base) => Ok(Some(base.numbered(number))),
        }
    }

    fn update(
        &mut self,
        id: PostId,
        change: &PostChange,
        expected: Option<i32>,
        now: Time,
    ) -> Result<Post, PostUnchanged> {
        self.changeable(id, expected)?;
        if let Some(slug) = &change.slug {
            if self.slugs.get(slug.as_str()).is_some_and(|owner| *owner != id) {
                return Err(PostUnchanged::SlugTaken);
            }
            self.slugs.insert(slug.as_str().to_owned(), id);
        }
        self.changeable(id, expected).map(|post| changed(post, change, now))
    }

    fn delete(&mut self, id: PostId) {
        self.posts.remove(&id);
        self.slugs.retain(|_, owner| *owner != id);
        self.last_numbers.clear();
    }

    fn publish(
        &mut self,
        id: PostId,
        publication: Publication,
        expected: Option<i32>,
        now: Time,
    ) -> Result<Post, PostUnchanged> {
        let post = unless(self.changeable(id, expected)?, PostState::Published)?;
        let (state, time) = match publication {
            Publication::Now => (PostState::Published, now),
            Publication::At(time) => (PostState::Scheduled, time),
        };
        Ok(moved(post, state, Some(time), now))
    }

    /// Publishes the first 32 due posts, and tells the next time within a second.
    fn publish_due(&mut self, now: Time) -> PublishedPosts {
        let scheduled = self.posts.values_mut().filter(|post| post.state == PostState::Scheduled);
        let mut soon: Vec<&mut Post> = scheduled
            .filter(|post| post.publish_time.is_some_and(|time| time <= now + TimeDelta::seconds(1)))
            .collect();
        soon.sort_by_key(|post| (post.publish_time, post.id));
        let (mut count, mut next) = (0, None);
        for post in soon.into_iter().take(32) {
            let time = post.publish_time;
            if time.is_some_and(|time| time <= now) {
                count += 1;
                moved(post, PostState::Published, time, now);
            } else {
                next = next.or(time);
            }
        }
        PublishedPosts { count, next: if count == 32 { Some(now) } else { next } }
    }

    fn facts(
        &self,
        source: &PostSource,
        direction: Direction,
        after: Option<&PostPosition>,
        limit: u32,
    ) -> Vec<PostFacts> {
        let order = PostOrder { field: source.field(), direction };
        let found = self.posts.values().filter(|post| is_of(post, source)).map(PostFacts::from);
        let mut found: Vec<PostFacts> = found
            .filter(|post| after.is_none_or(|after| order.compare(&order.position(post), after).is_gt()))
            .collect();
        match source.field() {
            OrderField::CreateTime => found.sort_by_key(|post| post.id),
            OrderField::PublishTime => found.sort_by_key(|post| (post.publish_time, post.id)),
            OrderField::UpdateTime => found.sort_by_key(|post| (post.update_time, post.id)),
            OrderField::Title => found.sort_by_key(|post| (post.title.clone().into_bytes(), post.id)),
        }
        if direction == Direction::Descending {
            found.reverse();
        }
        found.truncate(limit as usize);
        found
    }

    /// Counts the tags of published posts.
    fn tags(&self, after: Option<&Tag>, limit: u32) -> Vec<TagCount> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for post in self.posts.values().filter(|post| post.state == PostState::Published) {
            for tag in post.tags.iter() {
                *counts.entry(tag).or_default() += 1;
            }
        }
        let later = counts.into_iter().filter(|(tag, _)| after.is_none_or(|after| *tag > after.as_str()));
        later
            .take(limit as usize)
            .map(|(tag, posts)| TagCount { tag: Tag::from_stored(tag.to_owned()), posts })
            .collect()
    }

    /// Returns the post if the change is for this revision.
    fn changeable(&mut self, id: PostId, expected: Option<i32>) -> Result<&mut Post, PostUnchanged> {
        let post = self.posts.get_mut(&id).ok_or(PostUnchanged::NotFound)?;
        if expected.is_some_and(|expected| post.revision != expected) { Err(PostUnchanged::Stale) } else { Ok(post) }
    }

    fn earlier(&self, key: &RequestKey, now: Time) -> Option<Earlier<PostId>> {
        let request = self.requests.get(&(key.caller.clone(), key.method, key.id))?;
        if now - request.time >= REQUEST_ID_LIFETIME {
            return None;
        }
        let is_same = request.fingerprint == key.fingerprint;
        Some(if is_same { Earlier::Same(request.resource) } else { Earlier::Other })
    }
}

fn is_of(post: &Post, source: &PostSource) -> bool {
    match source {
        PostSource::State { state, field: OrderField::PublishTime, published } => {
            post.state == *state && post.publish_time.is_some() && published.contains(post.publish_time)
        }
        PostSource::State { state, .. } => post.state == *state,
        PostSource::Owner { owner, state } => post.owner_id == *owner && post.state == *state,
        PostSource::Tag(tag) => {
            post.state == PostState::Published && post.tags.iter().any(|other| other == tag.as_str())
        }
    }
}

fn changed(post: &mut Post, change: &PostChange, now: Time) -> Post {
    if let Some(title) = change.title.as_ref().map(Title::as_str) {
        title.clone_into(&mut post.title);
    }
    if let Some(body) = &change.body {
        body.content.as_str().clone_into(&mut post.content);
        post.content_html.clone_from(&body.rendering.html);
        post.made_excerpt.clone_from(&body.rendering.excerpt);
    }
    if let Some(excerpt) = &change.excerpt {
        // An empty excerpt returns to the made one.
        post.given_excerpt = Some(excerpt.as_str().to_owned()).filter(|excerpt| !excerpt.is_empty());
    }
    if let Some(tags) = &change.tags {
        post.tags.clone_from(tags);
    }
    if let Some(cover) = &change.cover {
        cover.as_str().clone_into(&mut post.cover_image_url);
    }
    if let Some(language) = &change.language {
        language.as_str().clone_into(&mut post.language_code);
    }
    if let Some(slug) = change.slug.as_ref().map(Slug::as_str) {
        slug.clone_into(&mut post.slug);
    }
    post.revision += 1;
    post.update_time = now;
    post.clone()
}

/// Returns the post unless it is in this state.
fn unless(post: &mut Post, state: PostState) -> Result<&mut Post, PostUnchanged> {
    if post.state == state { Err(PostUnchanged::WrongState(state)) } else { Ok(post) }
}

/// Moves the post to this state. Returns it without its content.
fn moved(post: &mut Post, state: PostState, publish_time: Option<Time>, now: Time) -> Post {
    (post.state, post.publish_time, post.update_time) = (state, publish_time, now);
    post.revision += 1;
    seen(post, PostView::Basic)
}

fn size(post: &Post) -> PostSize {
    let given = post.given_excerpt.as_ref().map_or(0, String::len);
    let texts = post.title.len() + post.content.len() + post.content_html.len() + given + post.made_excerpt.len();
    let octets = u64::try_from(texts + post.tags.as_str().len() + post.cover_image_url.len()).unwrap();
    PostSize { id: post.id, owner_id: post.owner_id, state: post.state, octets }
}

fn seen(post: &Post, view: PostView) -> Post {
    match view {
        PostView::Basic => Post { content: String::new(), content_html: String::new(), ..post.clone() },
        PostView::Full => post.clone(),
    }
}
