//! Hashes of the service's own hasher, without a service: the limit for logins.

use std::time::{Duration, Instant};

use auth_service::Hasher;
use auth_service::domain::{NewPassword, Password, PasswordPolicy};
use kit::shutdown::Shutdown;
use tokio::task::JoinSet;

use super::NEW_USER_PASSWORD;
use crate::Failure;

/// Number of concurrent hashes and logins.
const HASH_CALLERS: usize = 4;

/// Returns hashes per second, with no other load.
///
/// # Errors
/// Fails if a password is not hashed.
pub async fn hash_rate(length: Duration) -> Result<f64, Failure> {
    let hasher = Hasher::start()?;
    let new: NewPassword = PasswordPolicy::new(8).accept(NEW_USER_PASSWORD.to_owned(), &[])?;
    let hash = hasher.hash(None, new.into_password()).await?;
    task_rate(length, move || {
        let (hasher, hash) = (hasher.clone(), hash.clone());
        async move {
            let (stays, password) = (Shutdown::new(), Password::new(NEW_USER_PASSWORD.to_owned()));
            let is_right = hasher.verify(None, &stays, password, Some(hash)).await?;
            if is_right { Ok(()) } else { Err("the hash does not match the password".into()) }
        }
    })
    .await
}

/// Returns completed tasks per second, four at once. A failed task ends the run.
///
/// # Errors
/// Fails if a task fails.
pub async fn task_rate<F>(length: Duration, work: impl Fn() -> F + Clone + Send + 'static) -> Result<f64, Failure>
where
    F: Future<Output = Result<(), Failure>> + Send,
{
    let began = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..HASH_CALLERS {
        let work = work.clone();
        workers.spawn(async move {
            let mut done = 0_u32;
            while began.elapsed() < length {
                work().await?;
                done += 1;
            }
            Ok::<_, Failure>(done)
        });
    }
    let mut all = 0;
    while let Some(done) = workers.join_next().await {
        all += done??;
    }
    Ok(f64::from(all) / began.elapsed().as_secs_f64())
}
