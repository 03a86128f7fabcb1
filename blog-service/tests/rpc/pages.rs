//! Pages of lists: newest first, even if posts are added or deleted between two pages.

use std::time::Duration;

use blog_service::api::v1::{ListPostsRequest, ListPostsResponse, PostView};
use tonic::{Code, Status};

use super::support::{ADA, BOB, Service, refused, start, start_in};

const BAD_TOKEN: &str =
    "page_token: must be the next_page_token of an answer to the same request, at most 24 hours old";

async fn list(service: &Service, size: i32, token: &str, view: PostView) -> Result<ListPostsResponse, Status> {
    let request = ListPostsRequest {
        page_size: size,
        page_token: token.into(),
        view: view.into(),
        ..ListPostsRequest::default()
    };
    Ok(service.posts(BOB).list_posts(request).await?.into_inner())
}

/// Returns the titles of every page.
async fn walk(service: &Service, size: i32, view: PostView) -> Vec<Vec<String>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(service, size, &token, view).await.unwrap();
        pages.push(page.posts.into_iter().map(|post| post.title).collect());
        token = page.next_page_token;
        if token.is_empty() {
            return pages;
        }
    }
}

#[tokio::test]
async fn pages_are_newest_first_and_end() {
    let service = start().await;
    assert_eq!(walk(&service, 0, PostView::Basic).await, [Vec::<String>::new()]);
    for title in ["1", "2", "3", "4", "5"] {
        service.create(ADA, title, "content").await.unwrap();
    }
    for view in [PostView::Basic, PostView::Full] {
        assert_eq!(walk(&service, 2, view).await, [vec!["5", "4"], vec!["3", "2"], vec!["1"]]);
        assert_eq!(walk(&service, 5, view).await, [vec!["5", "4", "3", "2", "1"]]);
        assert_eq!(walk(&service, i32::MAX, view).await, [vec!["5", "4", "3", "2", "1"]]);
    }
    let page = list(&service, 5, "", PostView::Unspecified).await.unwrap();
    assert!(page.posts.iter().all(|post| post.content.is_empty()), "BASIC by default");
    let page = list(&service, 5, "", PostView::Full).await.unwrap();
    assert!(page.posts.iter().all(|post| post.content == "content"));
}

#[tokio::test]
async fn new_post_does_not_shift_the_following_pages() {
    let service = start().await;
    for title in ["1", "2", "3"] {
        service.create(ADA, title, "content").await.unwrap();
    }
    let first = list(&service, 2, "", PostView::Basic).await.unwrap();
    service.create(ADA, "4", "content").await.unwrap();
    let second = list(&service, 2, &first.next_page_token, PostView::Basic).await.unwrap();
    assert_eq!(second.posts.iter().map(|post| post.title.as_str()).collect::<Vec<_>>(), ["1"]);
}

/// C60: bad sizes and page tokens are refused.
#[tokio::test]
async fn bad_sizes_and_page_tokens_are_refused() {
    let service = start().await;
    for title in ["1", "2"] {
        service.create(ADA, title, "content").await.unwrap();
    }
    let status = list(&service, -1, "", PostView::Basic).await.unwrap_err();
    let rule = "page_size: must be 1 to 1000, or 0 for 50";
    refused(&status, Code::InvalidArgument, "INVALID_FIELDS", "blog.gatepost.dev", rule);
    let token = list(&service, 1, "", PostView::Basic).await.unwrap().next_page_token;
    for bad in ["x", &token[1..], &format!("{token}A")] {
        let status = list(&service, 1, bad, PostView::Basic).await.unwrap_err();
        refused(&status, Code::InvalidArgument, "PAGE_TOKEN_INVALID", "blog.gatepost.dev", BAD_TOKEN);
    }
    let foreign = start().await;
    let status = list(&foreign, 1, &token, PostView::Basic).await.unwrap_err();
    refused(&status, Code::InvalidArgument, "PAGE_TOKEN_INVALID", "blog.gatepost.dev", BAD_TOKEN);
    service.clock.advance(Duration::from_hours(24));
    let status = list(&service, 1, &token, PostView::Basic).await.unwrap_err();
    refused(&status, Code::InvalidArgument, "PAGE_TOKEN_INVALID", "blog.gatepost.dev", BAD_TOKEN);
}

#[tokio::test]
async fn page_token_survives_a_restart() {
    let service = start().await;
    for title in ["1", "2"] {
        service.create(ADA, title, "content").await.unwrap();
    }
    let token = list(&service, 1, "", PostView::Basic).await.unwrap().next_page_token;
    let (folder, clock) = service.stop();
    let service = start_in(folder, clock).await;
    assert_eq!(list(&service, 1, &token, PostView::Basic).await.unwrap().posts[0].title, "1");
}

#[tokio::test]
async fn page_ends_at_three_mebibytes() {
    let service = start().await;
    let content = "a".repeat(512 * 1024);
    for title in ["1", "2", "3", "4"] {
        service.create(ADA, title, &content).await.unwrap();
    }
    assert_eq!(walk(&service, 50, PostView::Full).await, [vec!["4", "3"], vec!["2", "1"]]);
}

#[tokio::test]
async fn page_reads_no_content_beyond_its_answer() {
    let service = start().await;
    let content = "a".repeat(512 * 1024);
    let unreadable = service.create(ADA, "0", "content").await.unwrap().id;
    service.spoil(&unreadable).await;
    for title in ["1", "2", "3"] {
        service.create(ADA, title, &content).await.unwrap();
    }
    let page = list(&service, 50, "", PostView::Full).await.unwrap();
    assert_eq!(page.posts.iter().map(|post| post.title.as_str()).collect::<Vec<_>>(), ["3", "2"]);
    let next = list(&service, 50, &page.next_page_token, PostView::Full).await;
    assert_eq!(next.unwrap_err().code(), Code::Internal, "the unreadable post is on this page");
}
