//! Posts are written, read in pages, and changed by their owner alone.

use tonic::Code;

use super::super::step::Step;
use super::super::step::Want::{Is, Set, Unset};

pub(super) const STEPS: &[Step] = &[
    Step::new(
        "Ada writes a post, at another service. The request has an id, so that it can be repeated.",
        "gatepost.blog.v1.PostService/CreatePost",
    )
    .token("$TOKEN")
    .request(r#"{"title":"Hello","content":"My first post.","request_id":"{request_id}"}"#)
    .answers(&[("/post/ownerId", Is("$ADA")), ("/post/title", Is("Hello")), ("/post/revision", Is("1"))])
    .keeps("POST", "/post/id"),
    Step::new(
        "The answer was lost? The same request again answers the same post and makes no second one.",
        "gatepost.blog.v1.PostService/CreatePost",
    )
    .token("$TOKEN")
    .request(r#"{"title":"Hello","content":"My first post.","request_id":"{request_id}"}"#)
    .answers(&[("/post/id", Is("$POST"))]),
    Step::new("She writes a second post.", "gatepost.blog.v1.PostService/CreatePost")
        .token("$TOKEN")
        .request(r#"{"title":"Hello again","content":"My second post."}"#)
        .answers(&[("/post/title", Is("Hello again"))])
        .keeps("SECOND_POST", "/post/id"),
    Step::new(
        "Posts are listed newest first, here one a page and without their contents.",
        "gatepost.blog.v1.PostService/ListPosts",
    )
    .token("$GRACE")
    .request(r#"{"page_size":1}"#)
    .answers(&[("/posts/0/id", Set), ("/posts/0/content", Unset), ("/posts/1", Unset)])
    .keeps("PAGE", "/nextPageToken"),
    Step::new("The page token asks for the next page.", "gatepost.blog.v1.PostService/ListPosts")
        .token("$GRACE")
        .request(r#"{"page_size":1,"page_token":"$PAGE"}"#)
        .answers(&[("/posts/0/id", Set), ("/posts/1", Unset)]),
    Step::new(
        "Grace reads Ada's post; the etag says which state she has read.",
        "gatepost.blog.v1.PostService/GetPost",
    )
    .token("$GRACE")
    .request(r#"{"id":"$POST"}"#)
    .answers(&[("/post/content", Is("My first post.")), ("/post/ownerId", Is("$ADA"))])
    .keeps("ETAG", "/post/etag"),
    Step::new("Grace cannot change it.", "gatepost.blog.v1.PostService/UpdatePost")
        .token("$GRACE")
        .request(r#"{"id":"$POST","patch":{"title":"Mine"}}"#)
        .refuses(Code::PermissionDenied, "NOT_POST_OWNER", "permission denied"),
    Step::new("She cannot delete it, either.", "gatepost.blog.v1.PostService/DeletePost")
        .token("$GRACE")
        .request(r#"{"id":"$POST"}"#)
        .refuses(Code::PermissionDenied, "NOT_POST_OWNER", "permission denied"),
    Step::new("Not even Ada can give it away: the owner is no field that an update can name.", UPDATE)
        .token("$TOKEN")
        .request(r#"{"id":"$POST","patch":{"title":"Yours"},"update_mask":{"paths":["owner_id"]}}"#)
        .refuses(Code::InvalidArgument, "INVALID_FIELDS", "update_mask"),
    Step::new("She changes the title, provided that the post is still what was read.", UPDATE)
        .token("$TOKEN")
        .request(r#"{"id":"$POST","patch":{"title":"Hello, world"},"etag":"$ETAG"}"#)
        .answers(&[
            ("/post/title", Is("Hello, world")),
            ("/post/content", Is("My first post.")),
            ("/post/revision", Is("2")),
        ]),
    Step::new("The same etag again is stale, so that nobody overwrites what they have not seen.", UPDATE)
        .token("$TOKEN")
        .request(r#"{"id":"$POST","patch":{"title":"Hello, moon"},"etag":"$ETAG"}"#)
        .refuses(Code::Aborted, "ETAG_MISMATCH", "etag:"),
];

const UPDATE: &str = "gatepost.blog.v1.PostService/UpdatePost";
