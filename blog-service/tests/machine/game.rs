//! One run of a sequence: its targets and its model.

use blog_service::domain::{Direction, PostId, PostView, PublishedRange, Slug};
use blog_service::store::{BlogStore, PostSource, StoreError};
use db::read;
use testkit::machine::Machine;

use super::calls::{Answer, Call};
use super::cast::Cast;
use super::model::Model;
use super::opens::Opens;
use super::pools::{FIELDS, SLUGS, STATES};
use super::steps::Step;

pub(crate) struct Game {
    model: Model,
    cast: Cast,
}

impl Default for Game {
    fn default() -> Self {
        Self { model: Model::default(), cast: Cast::new() }
    }
}

impl Machine for Game {
    type Opening = Opens;
    type Step = Step;
    type Call = Call;
    type Answer = Answer;

    const EMPTY: &'static str = "begin; delete from posts; delete from requests; delete from secrets; commit";

    async fn delete_cached(store: &BlogStore) {
        // Drafts, too, which no list has.
        let ids: Vec<(PostId,)> =
            read!(store.db(), |reader| sqlx::query_as("select id from posts").fetch_all(reader)).unwrap();
        for (id,) in ids {
            store.delete_post(id, None).await.unwrap().unwrap();
        }
    }

    fn call(&mut self, step: Step) -> Call {
        self.cast.call(step, &self.model)
    }

    fn answer(&mut self, call: &Call) -> Answer {
        self.model.answer(call)
    }

    fn everything(&self) -> Vec<Call> {
        everything(&self.cast)
    }

    async fn ask(call: &Call, store: &BlogStore) -> Result<Answer, StoreError> {
        call.ask(store).await
    }
}

/// Returns calls that read all rows, deleted ones included.
fn everything(cast: &Cast) -> Vec<Call> {
    let mut calls = vec![Call::List { after: None, limit: 10_000, view: PostView::Full }];
    for state in STATES {
        for field in FIELDS {
            let source = PostSource::State { state, field, published: PublishedRange::default() };
            calls.push(Call::Facts { source, direction: Direction::Ascending, after: None, limit: 10_000 });
        }
    }
    calls.extend(cast.posts.map(|id| Call::Post { id, view: PostView::Full }));
    calls.push(Call::Sizes { ids: cast.posts.into() });
    calls.push(Call::Tags { after: None, limit: 100 });
    calls.extend(SLUGS.map(|slug| Call::IdOfSlug { slug: Slug::parse(slug.to_owned()).unwrap() }));
    calls.extend(Cast::requests().map(|key| Call::Earlier { key, now: cast.now }));
    calls
}
