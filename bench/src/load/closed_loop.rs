//! A closed loop: each caller waits for its answer before its next call.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tonic::Status;

use super::LoadSample;
use crate::Failure;

/// Calls as fast as the answers come, for this long. The callers share these calls, one a connection, evenly. A caller
/// stops early once its call returns `None`.
///
/// # Errors
/// Fails if a caller panics.
pub async fn closed_loop<C, F>(callers: usize, length: Duration, calls: &[C]) -> Result<LoadSample, Failure>
where
    C: Fn() -> Option<F> + Clone + Send + 'static,
    F: Future<Output = Result<(), Status>> + Send,
{
    let began = Instant::now();
    let mut running = JoinSet::new();
    for call in calls.iter().cycle().take(callers) {
        let call = call.clone();
        running.spawn(async move {
            let mut sample = LoadSample::new()?;
            while began.elapsed() < length {
                let asked = Instant::now();
                let Some(answer) = call() else { break };
                let answer = answer.await;
                sample.record(answer, asked.elapsed());
            }
            Ok::<_, Failure>(sample)
        });
    }
    let mut all = LoadSample::new()?;
    while let Some(sample) = running.join_next().await {
        all.add(sample??)?;
    }
    all.taken = began.elapsed();
    Ok(all)
}
