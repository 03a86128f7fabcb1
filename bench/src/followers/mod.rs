//! Guards that follow one auth service while it revokes fifty times a second: the delay of each revocation at each guard.

mod revoker;
mod stream;

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) use revoker::{RevocationTimes, Revoker};
pub(crate) use stream::FOLLOWED_SETTINGS;
use stream::{FeedFollower, RENEWAL_INTERVAL};

use crate::Failure;
use crate::services::Services;

/// The result of a run.
pub(crate) struct FollowerFigures {
    /// Guards that followed.
    pub(crate) followers: usize,
    /// Followers with a stream that has ended by itself.
    pub(crate) ended: usize,
    /// Delay of each revocation at each follower, in milliseconds.
    pub(crate) delays: Histogram<u64>,
    /// Cores that the services used.
    pub(crate) share: f64,
    /// Revocations meanwhile.
    pub(crate) revocations: RevocationTimes,
}

impl FollowerFigures {
    /// Lets this many guards follow the services while the admin revokes.
    pub(crate) async fn measure(
        services: &Services,
        revoker: &Revoker,
        followers: usize,
        length: Duration,
    ) -> Result<Self, Failure> {
        let (lag, mut lags) = mpsc::unbounded_channel();
        let mut listening = JoinSet::new();
        for number in 0..followers {
            // Requests of all guards are spread over the interval.
            let first = Instant::now() + RENEWAL_INTERVAL * u32::try_from(number)? / u32::try_from(followers)?;
            let follower = FeedFollower::connect(services.auth_address()).await?;
            listening.spawn(follower.follow(first, lag.clone()));
        }
        drop(lag);
        let before = services.processor_time()?;
        let revocations = revoker.revoke(length).await?;
        let processor = services.processor_time()? - before;
        listening.abort_all();
        let mut ended = 0;
        while let Some(result) = listening.join_next().await {
            // Only followers that ended by themselves count: the run aborts the other ones.
            ended += usize::from(result.is_ok());
        }
        let mut delays = Histogram::<u64>::new(3)?;
        while let Ok(millis) = lags.try_recv() {
            delays.record(millis)?;
        }
        Ok(Self { followers, ended, delays, share: processor / length.as_secs_f64(), revocations })
    }

    /// Returns the part of the revocations that the guards have received; 1 for all of them.
    #[expect(clippy::cast_precision_loss, reason = "the revocations of a few minutes are few")]
    pub(crate) fn share_received(&self) -> f64 {
        let all = u64::try_from(self.followers).unwrap_or(u64::MAX).saturating_mul(self.revocations.took.len());
        self.delays.len() as f64 / all.max(1) as f64
    }
}
