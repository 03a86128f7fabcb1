//! Batches of posts: in the order of the request, with a separate list of missing ids, and never larger than a client
//! accepts.

use blog_service::api::v1::{BatchGetPostsRequest, BatchGetPostsResponse, PostView};
use tonic::{Code, Status};

use super::support::{ADA, BOB, Service, bad_fields, refused, start};

const ABSENT: &str = "01900000-0000-7000-8000-0000000000ff";

async fn batch(service: &Service, ids: &[&str], view: PostView) -> Result<BatchGetPostsResponse, Status> {
    let request = BatchGetPostsRequest { ids: ids.iter().map(ToString::to_string).collect(), view: view.into() };
    Ok(service.posts(BOB).batch_get_posts(request).await?.into_inner())
}

#[tokio::test]
async fn batch_keeps_order_and_names_missing_posts() {
    let service = start().await;
    let mut posts = Vec::new();
    for number in 0..20 {
        posts.push(service.create(ADA, &format!("{number}"), "content").await.unwrap());
    }
    let mut ids: Vec<&str> = posts.iter().rev().map(|post| post.id.as_str()).collect();
    ids.insert(9, ABSENT);
    for (view, content) in [(PostView::Unspecified, ""), (PostView::Basic, ""), (PostView::Full, "content")] {
        let answer = batch(&service, &ids, view).await.unwrap();
        let titles: Vec<String> = (0..20).rev().map(|number| number.to_string()).collect();
        assert_eq!(answer.posts.iter().map(|post| post.title.as_str()).collect::<Vec<_>>(), titles);
        assert!(answer.posts.iter().all(|post| post.content == content), "{view:?}");
        assert_eq!(answer.missing_ids, [ABSENT]);
    }
    assert_eq!(batch(&service, &[], PostView::Full).await.unwrap(), BatchGetPostsResponse::default());
}

#[tokio::test]
async fn batch_has_at_most_a_hundred_unique_ids() {
    let service = start().await;
    let ids: Vec<String> = (0..101).map(|number| format!("01900000-0000-7000-8000-{number:012}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(batch(&service, &ids[1..], PostView::Full).await.unwrap().missing_ids.len(), 100);
    for (bad, field) in [(&ids[..], "ids"), (&[ABSENT, ABSENT], "ids[1]"), (&["x"], "ids[0]"), (&["me"], "ids[0]")] {
        assert_eq!(bad_fields(&batch(&service, bad, PostView::Full).await.unwrap_err()), [field]);
    }
}

/// A batch above 3 MiB is refused. The same batch without contents is answered.
#[tokio::test]
async fn batch_above_three_mebibytes_is_refused() {
    let service = start().await;
    let content = "a".repeat(512 * 1024);
    let mut ids = Vec::new();
    for title in ["1", "2", "3"] {
        ids.push(service.create(ADA, title, &content).await.unwrap().id);
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let status = batch(&service, &ids, PostView::Full).await.unwrap_err();
    let message = "the posts are larger than 3 MiB together: ask for fewer, or for POST_VIEW_BASIC";
    refused(&status, Code::ResourceExhausted, "MESSAGE_TOO_LARGE", "blog.gatepost.dev", message);
    assert_eq!(batch(&service, &ids, PostView::Basic).await.unwrap().posts.len(), 3);
    assert_eq!(batch(&service, &ids[..2], PostView::Full).await.unwrap().posts.len(), 2);
}

#[tokio::test]
async fn too_large_batch_is_refused_unread() {
    let service = start().await;
    let content = "a".repeat(512 * 1024);
    let unreadable = service.create(ADA, "0", "content").await.unwrap().id;
    service.spoil(&unreadable).await;
    let mut ids = vec![unreadable];
    for title in ["1", "2", "3"] {
        ids.push(service.create(ADA, title, &content).await.unwrap().id);
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let code = async |ids| batch(&service, ids, PostView::Full).await.unwrap_err().code();
    assert_eq!(code(&ids[..2]).await, Code::Internal, "the content of the post cannot be read");
    assert_eq!(code(&ids).await, Code::ResourceExhausted);
}
