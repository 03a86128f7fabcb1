//! The documented behavior of the store's methods, in memory: written from their documentation, not from their SQL.

use std::collections::BTreeMap;

use blog_service::domain::{Content, Post, PostChange, PostId, PostView, Title};
use blog_service::store::{NewPost, PostUnchanged};
use db::requests::Earlier;
use kit::request_id::{Fingerprint, REQUEST_ID_LIFETIME, RequestId, RequestKey};

use super::calls::{Answer, Call, Time};

/// All data of a store.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) posts: BTreeMap<PostId, Post>,
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
            Call::Create { new, request } => Answer::Post(self.create(new, request.as_ref())),
            Call::Post { id, view } => Answer::Post(self.posts.get(id).map(|post| seen(post, *view))),
            Call::Posts { ids, view } => {
                let wanted = self.posts.values().filter(|post| ids.contains(&post.id));
                Answer::Posts(wanted.map(|post| seen(post, *view)).collect())
            }
            Call::List { after, limit, view } => {
                let older = self.posts.values().rev().filter(|post| after.is_none_or(|after| post.id < after));
                Answer::Posts(older.take(*limit as usize).map(|post| seen(post, *view)).collect())
            }
            Call::Update { id, change, expected, now } => {
                Answer::Changed(self.changeable(*id, *expected).map(|post| changed(post, change, *now)))
            }
            Call::Delete { id, expected } => {
                let found = self.changeable(*id, *expected).map(drop);
                Answer::Deleted(found.inspect(|()| drop(self.posts.remove(id))))
            }
            Call::Earlier { key, now } => Answer::Earlier(self.earlier(key, *now)),
            Call::PageTokenKey { fresh } => Answer::Key(*self.page_token_key.get_or_insert(*fresh)),
        }
    }

    fn create(&mut self, new: &NewPost, request: Option<&RequestKey>) -> Option<Post> {
        if let Some(key) = request {
            let id = (key.caller.clone(), key.method, key.id);
            if self.requests.get(&id).is_some_and(|earlier| new.create_time - earlier.time < REQUEST_ID_LIFETIME) {
                return None;
            }
            let request = Request { fingerprint: key.fingerprint, resource: new.id, time: new.create_time };
            self.requests.insert(id, request);
        }
        let post = Post {
            id: new.id,
            owner_id: new.owner_id,
            title: new.title.as_str().to_owned(),
            content: new.content.as_str().to_owned(),
            revision: 1,
            create_time: new.create_time,
            update_time: new.create_time,
        };
        self.posts.insert(new.id, post.clone());
        Some(post)
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

fn changed(post: &mut Post, change: &PostChange, now: Time) -> Post {
    if let Some(title) = change.title.as_ref().map(Title::as_str) {
        title.clone_into(&mut post.title);
    }
    if let Some(content) = change.content.as_ref().map(Content::as_str) {
        content.clone_into(&mut post.content);
    }
    post.revision += 1;
    post.update_time = now;
    post.clone()
}

fn seen(post: &Post, view: PostView) -> Post {
    match view {
        PostView::Basic => Post { content: String::new(), ..post.clone() },
        PostView::Full => post.clone(),
    }
}
