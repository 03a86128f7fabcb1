//! Scheduled posts are published once, at their time: over restarts, steps of the clock, outages and replicas. The clock
//! stands still until a test moves it.

use std::time::{Duration, SystemTime};

use blog_service::api::v1::{ListPostsRequest, Post, PostState};
use chrono::{DateTime, TimeDelta, Utc};
use testkit::{Outsider, postgres};

use super::support::{ADA, BOB, Service, start, start_at, start_in};

const HOUR: Duration = Duration::from_hours(1);

/// Creates a draft and schedules it for this time.
async fn scheduled(service: &Service, time: DateTime<Utc>) -> Post {
    let draft = service.draft(ADA, "Scheduled").await;
    let post = service.publish(ADA, &draft.id, Some(time)).await.unwrap();
    assert_eq!((post.state(), post.revision), (PostState::Scheduled, 2));
    assert_eq!(post.publish_time, Some(SystemTime::from(time).into()));
    post
}

/// Waits until the post is no longer scheduled.
async fn published(service: &Service, id: &str) -> Post {
    loop {
        let post = service.read(ADA, id).await.unwrap();
        if post.state() != PostState::Scheduled {
            return post;
        }
    }
}

#[tokio::test]
async fn post_is_published_at_its_time() {
    let service = start().await;
    let (first, time) = (testkit::start() + HOUR, testkit::start() + 2 * HOUR);
    let earlier = scheduled(&service, first).await;
    let post = scheduled(&service, time).await;
    service.clock.advance(Duration::from_micros(7_200_000_000 - 1));
    // Once the earlier post is published, a poll at this time has left the other one.
    published(&service, &earlier.id).await;
    assert_eq!(service.read(ADA, &post.id).await.unwrap().state(), PostState::Scheduled);
    service.clock.advance(Duration::from_micros(1));
    let post = published(&service, &post.id).await;
    assert_eq!((post.state(), post.revision, post.etag.as_str()), (PostState::Published, 3, "r3"));
    assert_eq!(post.publish_time, Some(SystemTime::from(time).into()));
    assert_eq!(service.read(BOB, &post.id).await.unwrap(), post);
    let page = service.posts(BOB).list_posts(ListPostsRequest::default()).await.unwrap().into_inner();
    assert_eq!(page.posts.len(), 2);
}

#[tokio::test]
async fn time_that_is_not_in_the_future_publishes_at_once() {
    let service = start().await;
    for time in [testkit::start(), testkit::start() - TimeDelta::days(1)] {
        let draft = service.draft(ADA, "Draft").await;
        let post = service.publish(ADA, &draft.id, Some(time)).await.unwrap();
        assert_eq!((post.state(), post.publish_time), (PostState::Published, draft.create_time));
    }
}

#[tokio::test]
async fn post_that_came_due_while_stopped_is_published() {
    let service = start().await;
    let post = scheduled(&service, testkit::start() + HOUR).await;
    let (folder, clock) = service.stop();
    clock.advance(2 * HOUR);
    let service = start_in(folder, clock).await;
    let post = published(&service, &post.id).await;
    assert_eq!((post.state(), post.revision), (PostState::Published, 3));
    let (folder, clock) = service.stop();
    let service = start_in(folder, clock).await;
    assert_eq!(service.read(BOB, &post.id).await.unwrap(), post, "a restart publishes nothing again");
}

#[tokio::test]
async fn steps_of_the_clock_publish_once() {
    let service = start().await;
    let post = scheduled(&service, testkit::start() + HOUR).await;
    service.clock.jump(TimeDelta::hours(2));
    let post = published(&service, &post.id).await;
    assert_eq!((post.state(), post.revision), (PostState::Published, 3));
    service.clock.jump(TimeDelta::hours(-3));
    // A later poll publishes another post, and leaves this one.
    let other = scheduled(&service, testkit::start() - TimeDelta::minutes(30)).await;
    service.clock.advance(2 * HOUR);
    published(&service, &other.id).await;
    assert_eq!(service.read(BOB, &post.id).await.unwrap(), post);
}

#[tokio::test]
async fn post_that_came_due_in_an_outage_is_published_after_it() {
    let service = start().await;
    let post = scheduled(&service, testkit::start() + HOUR).await;
    let mut outsider = Outsider::open(service.database()).await;
    outsider.lock().await;
    service.clock.advance(HOUR);
    // This write waits as long as the one of the scheduler does, and fails.
    service.create(ADA, "Hello", "First post.").await.unwrap_err();
    assert_eq!(service.read(ADA, &post.id).await.unwrap().state(), PostState::Scheduled);
    outsider.close().await;
    assert_eq!(published(&service, &post.id).await.revision, 3);
}

/// Both replicas have clocks of their own, and both try to publish each post.
#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_publish_each_post_once() {
    let Some(database) = postgres::database().await else { return };
    let (one, other) = (start_at(&database.url).await, start_at(&database.url).await);
    let mut posts = Vec::new();
    for number in 0..40 {
        posts.push(scheduled(&one, testkit::start() + HOUR + TimeDelta::microseconds(number % 3)).await);
    }
    for service in [&one, &other] {
        service.clock.advance(2 * HOUR);
    }
    for post in &posts {
        let post = published(&other, &post.id).await;
        assert_eq!((post.state(), post.revision), (PostState::Published, 3));
        assert_eq!(one.read(BOB, &post.id).await.unwrap(), post);
    }
    // A later post shows that both have polled again, and no post has changed since.
    for service in [&one, &other] {
        let last = scheduled(service, testkit::start() + 3 * HOUR).await;
        service.clock.advance(2 * HOUR);
        published(service, &last.id).await;
    }
    for post in &posts {
        assert_eq!(one.read(BOB, &post.id).await.unwrap().revision, 3);
    }
}
