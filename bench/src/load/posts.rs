//! The posts that reads choose from, and random choices among them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, ListPostsRequest};
use gatepost::{Token, WithToken};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use super::{Choices, closed_loop, sample::LoadSample};
use crate::Failure;
use crate::drill::Random;

/// Bytes of a post's content.
pub(crate) const CONTENT_BYTES: usize = 1000;

/// Number of callers that create the posts.
const CREATORS: usize = 16;

/// A client with a user's token.
pub(crate) type PostCaller = PostServiceClient<InterceptedService<Channel, WithToken>>;

/// Ids of posts, chosen at random with equal probability.
pub(crate) struct PostIds {
    ids: Vec<String>,
    choices: Choices,
}

/// Returns a client with this token.
pub(crate) fn post_caller(blog: &Channel, token: &Token) -> PostCaller {
    PostServiceClient::with_interceptor(blog.clone(), WithToken::new(token))
}

/// Returns the request for a new post.
pub(super) fn new_post() -> CreatePostRequest {
    CreatePostRequest { title: "Post".into(), content: "a".repeat(CONTENT_BYTES), ..CreatePostRequest::default() }
}

impl PostIds {
    /// Returns choices among these ids.
    pub(crate) fn new(ids: Vec<String>, seed: u64) -> Result<Self, Failure> {
        if ids.is_empty() {
            return Err("the blog has no post to read: create one, or measure only calls that read none".into());
        }
        Ok(Self { ids, choices: Choices::new(seed) })
    }

    /// Returns the number of posts in a page or a batch of at most this many.
    pub(super) fn rows(&self, most: usize) -> usize {
        most.min(self.ids.len())
    }

    /// Returns an id.
    pub(crate) fn one(&self) -> String {
        self.ids[self.index(&mut self.choices.random())].clone()
    }

    /// Returns this many different ids, or all of them.
    pub(super) fn some(&self, count: usize) -> Vec<String> {
        let (mut random, mut chosen) = (self.choices.random(), BTreeSet::new());
        while chosen.len() < self.rows(count) {
            chosen.insert(self.index(&mut random));
        }
        chosen.into_iter().map(|index| self.ids[index].clone()).collect()
    }

    fn index(&self, random: &mut Random) -> usize {
        let count = u64::try_from(self.ids.len()).unwrap_or(u64::MAX);
        usize::try_from(random.number() % count).unwrap_or_default()
    }
}

/// Creates posts until the blog has this many.
pub(crate) async fn create_posts(posts: &PostCaller, count: usize) -> Result<(), Failure> {
    let left = std::sync::Arc::new(AtomicU64::new(u64::try_from(count)?));
    let posts = posts.clone();
    let call = move || {
        let is_left = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        let mut posts = posts.clone();
        is_left.then_some(async move { posts.create_post(new_post()).await.map(drop) })
    };
    let LoadSample { first_failure, .. } = closed_loop(CREATORS, std::time::Duration::MAX, &[call]).await?;
    first_failure.map_or(Ok(()), |status| Err(status.into()))
}

/// Returns the ids of the newest posts.
pub(crate) async fn newest_posts(posts: &PostCaller, count: usize) -> Result<Vec<String>, Failure> {
    let (mut posts, mut ids, mut page_token) = (posts.clone(), Vec::new(), String::new());
    while ids.len() < count {
        let request = ListPostsRequest { page_size: 1000, page_token, ..ListPostsRequest::default() };
        let page = posts.list_posts(request).await?.into_inner();
        ids.extend(page.posts.into_iter().map(|post| post.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    ids.truncate(count);
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(seed: u64) -> PostIds {
        PostIds::new((0..10).map(|id| id.to_string()).collect(), seed).unwrap()
    }

    #[test]
    fn seed_repeats_the_choices() {
        let choose = |ids: PostIds| (0..100).map(|_| ids.one()).collect::<Vec<_>>();
        assert_eq!(choose(ids(1)), choose(ids(1)));
        assert_ne!(choose(ids(1)), choose(ids(2)));
        let chosen: BTreeSet<_> = choose(ids(1)).into_iter().collect();
        assert_eq!(chosen.len(), 10, "each id is chosen");
    }

    #[test]
    fn batch_has_no_id_twice() {
        for count in [1, 5, 10, 11] {
            let mut chosen = ids(3).some(count);
            chosen.dedup();
            assert_eq!(chosen.len(), count.min(10));
        }
        assert!(PostIds::new(Vec::new(), 1).is_err());
    }
}
