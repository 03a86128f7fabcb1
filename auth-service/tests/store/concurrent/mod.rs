//! Concurrent calls: exactly one wins, and each other call gets the reason why it lost.

mod admins;
mod audit;
mod counts;
mod logins;
mod refreshes;
mod users;

use auth_service::store::AuthStore;
use tokio::task::JoinSet;

/// Runs the same work `times` times at once, each with its number, and returns the results.
async fn at_once<T: Send + 'static, F>(store: &AuthStore, times: u128, work: impl Fn(AuthStore, u128) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
{
    (0..times).map(|time| work(store.clone(), time)).collect::<JoinSet<_>>().join_all().await
}
