//! Batch: callers ask for batches of 8 MiB, which are refused.

use std::path::Path;

use blog_service::api::v1::{BatchGetPostsRequest, PostView};
use prost::Message as _;

use super::Scale;
use super::attack::{Attack, Stream, framed};
use super::row::Row;
use super::run::measure;
use super::world::World;
use crate::Failure;

/// Number of callers, each with a connection of its own.
const BATCH_CALLERS: usize = 20;

/// Posts of a batch, each of the largest size.
const POSTS_PER_BATCH: usize = 8;
const POST_BYTES: usize = 1024 * 1024;

pub(super) async fn run(program: &Path, scale: Scale) -> Result<Vec<Row>, Failure> {
    let world = World::start(program, |command| command).await?;
    let ids = world.fill(POSTS_PER_BATCH, POST_BYTES).await?;
    let request = BatchGetPostsRequest { ids, view: PostView::Full.into() };
    let stream = Stream {
        token: Some(world.token.expose().to_owned()),
        ..Stream::of("/gatepost.blog.v1.PostService/BatchGetPosts", framed(&request.encode_to_vec()))
    };
    let (good, at) = (world.good().await?, world.services.blog_address().to_owned());
    let attack = || Attack::streams("batches asked for", &at, [scale.of(BATCH_CALLERS), 1], &stream);
    Ok(vec![measure("batch", &world.services, &good, scale, attack).await?])
}
