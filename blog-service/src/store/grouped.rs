//! Reads of single posts on a server: calls that come at the same time share statements.
//!
//! A statement costs the service and the server more than the posts that it returns.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use db::{Db, StoreError};
use kit::Stopwatch;
use tokio::sync::oneshot;

use super::rows::{posts_per_read, select_post, select_posts};
use crate::domain::{Post, PostId, PostView};

/// Largest number of statements that run at once: half of the connections, so that lists have the others.
const MAX_STATEMENTS: usize = 4;

/// Longest wait for a statement, the same as the wait for a connection.
const MAX_WAIT: Duration = Duration::from_millis(400);

/// Reads of single posts with their contents.
#[derive(Clone, Debug)]
pub(super) struct GroupedReads(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    db: Db,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<WaitingRead>,
    /// Number of tasks that run statements.
    readers: usize,
}

#[derive(Debug)]
struct WaitingRead {
    id: PostId,
    waited: Stopwatch,
    answer: oneshot::Sender<Result<Option<Post>, StoreError>>,
}

/// A task that runs statements, counted until it ends, also by a panic.
struct GroupReader<'s> {
    shared: &'s Shared,
    is_counted: bool,
}

impl GroupedReads {
    /// Creates reads of this database.
    pub(super) fn new(db: Db) -> Self {
        Self(Arc::new(Shared { db, queue: Mutex::default() }))
    }

    /// Returns the post with this id. Its statement begins after this call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn post(&self, id: PostId) -> Result<Option<Post>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let is_reader_missing = {
            let mut queue = self.0.queue();
            queue.waiting.push_back(WaitingRead { id, waited: Stopwatch::start(), answer });
            let is_missing = queue.readers < MAX_STATEMENTS;
            queue.readers += usize::from(is_missing);
            is_missing
        };
        if is_reader_missing {
            // A task of its own, because other calls share its statements.
            let shared = Arc::clone(&self.0);
            tokio::spawn(async move { GroupReader { shared: &shared, is_counted: true }.run().await });
        }
        answered.await.unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GroupReader<'_> {
    /// Runs statements until no read waits.
    async fn run(mut self) {
        while let Some(group) = self.next_group() {
            let ids: Vec<PostId> = group.iter().map(|read| read.id).collect();
            match select(&self.shared.db, &ids).await {
                Ok(posts) => answer(group, posts),
                Err(error) => self.refuse(group, &error),
            }
        }
    }

    /// Takes the reads of the next statement. Leaves out abandoned ones, and refuses those that have waited for too
    /// long. Returns `None` if no read waits; then the task is no longer counted.
    fn next_group(&mut self) -> Option<Vec<WaitingRead>> {
        let mut queue = self.shared.queue();
        let mut group = Vec::new();
        while group.len() < posts_per_read(PostView::Full)
            && let Some(read) = queue.waiting.pop_front()
        {
            if read.waited.elapsed() > MAX_WAIT {
                let _ = read.answer.send(Err(sqlx::Error::PoolTimedOut.into()));
            } else if !read.answer.is_closed() {
                group.push(read);
            }
        }
        if group.is_empty() {
            queue.readers -= 1;
            self.is_counted = false;
        }
        (!group.is_empty()).then_some(group)
    }

    /// Answers reads with an error. In an outage all waiting reads get it, because they would meet the same outage.
    fn refuse(&self, mut group: Vec<WaitingRead>, error: &StoreError) {
        if matches!(error, StoreError::Unavailable(_)) {
            group.extend(self.shared.queue().waiting.drain(..));
        }
        for read in group {
            let _ = read.answer.send(Err(error.clone()));
        }
    }
}

impl Drop for GroupReader<'_> {
    fn drop(&mut self) {
        if self.is_counted {
            self.shared.queue().readers -= 1;
        }
    }
}

async fn select(db: &Db, ids: &[PostId]) -> Result<Vec<Post>, StoreError> {
    match ids {
        [id] => Ok(select_post(db, *id, PostView::Full).await?.into_iter().collect()),
        ids => select_posts(db, ids, PostView::Full).await,
    }
}

/// Answers the reads of a statement. Several of them may have the same id.
fn answer(mut group: Vec<WaitingRead>, posts: Vec<Post>) {
    let mut posts: HashMap<PostId, Post> = posts.into_iter().map(|post| (post.id, post)).collect();
    while let Some(WaitingRead { id, answer, .. }) = group.pop() {
        let is_last = group.iter().all(|other| other.id != id);
        let post = if is_last { posts.remove(&id) } else { posts.get(&id).cloned() };
        let _ = answer.send(Ok(post));
    }
}
