//! Files of the auth service are damaged while no service runs.

use bench::Failure;
use bench::drill::damage::{self, DamageDrill, DamagedFile, Mutation, ServiceEnd, StartOutcome};
use bench::drill::{Random, Report};
use bench::services::beside;

use super::turn::{holds, turn};

#[tokio::test(flavor = "multi_thread")]
async fn lost_commits_revive_no_dead_token() -> Result<(), Failure> {
    let _turn = turn().await;
    let (program, mut random) = (beside()?, Random::new(1));
    let drill = DamageDrill::start(&program).await?;
    let mut report = Report::default();
    for mutation in Mutation::OF_THE_LOG {
        let (outcome, broken) = drill.round(&program, ServiceEnd::Killed, mutation, &mut random).await?;
        report.broken.extend(broken);
        assert_eq!(outcome, StartOutcome::Ended, "{mutation:?}");
    }
    // Without a loss all live tokens stay.
    for (end, mutation) in [
        (ServiceEnd::Killed, Mutation::None),
        (ServiceEnd::Stopped, Mutation::None),
        (ServiceEnd::Stopped, Mutation::Removed(DamagedFile::Log)),
        (ServiceEnd::Stopped, Mutation::DatabaseAlone),
    ] {
        let (outcome, broken) = drill.round(&program, end, mutation, &mut random).await?;
        report.broken.extend(broken);
        assert_eq!(outcome, StartOutcome::Kept, "{end:?}, {mutation:?}");
    }
    holds(&report);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn random_damages_revive_no_dead_token() -> Result<(), Failure> {
    let _turn = turn().await;
    holds(&damage::run(&beside()?, 25, 1).await?);
    Ok(())
}
