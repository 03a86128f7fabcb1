//! What happens at once: exactly one wins, and every other is told the fact that it lost to.

mod admins;
mod counts;
mod logins;
mod refreshes;
mod users;

use auth_service::store::Store;
use tokio::task::JoinSet;

/// What the same work comes to when it is done `times` times at once; it is told which time it is.
async fn at_once<T: Send + 'static, F>(store: &Store, times: u128, work: impl Fn(Store, u128) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
{
    (0..times).map(|time| work(store.clone(), time)).collect::<JoinSet<_>>().join_all().await
}
