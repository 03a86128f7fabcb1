//! A soak of a few seconds with four faults.

use std::future::pending;
use std::time::Duration;

use bench::Failure;
use bench::drill::revocation::RecordedHistory;
use bench::drill::soak::{SoakDatabase, SoakFault, SoakFiles, SoakPlan, soak};
use bench::services::beside;

use super::turn::turn;

/// Returns a plan without limits of times: another program may load the machine. New processes grow for some seconds.
fn plan(seconds: u64, faults: &[SoakFault]) -> SoakPlan {
    SoakPlan {
        length: Duration::from_secs(seconds),
        rate: 40,
        fault_interval: Duration::from_secs(4),
        faults: faults.to_vec(),
        database: SoakDatabase::Sqlite,
        other_program: None,
        sample_interval: Duration::from_millis(500),
        max_growth: 1_000_000.0,
        min_success: 0.5,
        seed: 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_soak_with_four_faults_keeps_its_promises() -> Result<(), Failure> {
    let _turn = turn().await;
    let folder = tempfile::tempdir()?;
    let (samples, history) = (folder.path().join("samples.jsonl"), folder.path().join("history.jsonl"));
    let files = SoakFiles { samples: samples.clone(), history: Some(history.clone()) };
    let (program, other_program) = (beside()?, folder.path().join("gatepost"));
    std::os::unix::fs::symlink(&program, &other_program)?;
    let faults = [SoakFault::KillAuth, SoakFault::FullDisk, SoakFault::ReplaceAuth, SoakFault::ReplaceBlog];
    let plan = SoakPlan { other_program: Some(other_program), ..plan(20, &faults) };
    let report = soak(&program, plan, &files, "cargo test", pending()).await?;
    assert_eq!((report.broken(), report.faults()), (0, 4), "{}", report.text());
    assert!(report.good_calls() > 100, "{}", report.text());
    let lines = std::fs::read_to_string(samples)?;
    for event in ["start", "sample", "fault", "end"] {
        assert!(lines.contains(&format!("{{\"event\":\"{event}\"")), "{event}: {lines}");
    }
    let checked = RecordedHistory::read(&history)?.report();
    assert!(checked.broken.is_empty(), "{:?}", checked.broken);
    Ok(())
}

/// Ctrl-C ends the load, and the report has the figures so far.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_soak_reports_its_calls_so_far() -> Result<(), Failure> {
    let _turn = turn().await;
    let folder = tempfile::tempdir()?;
    let samples = folder.path().join("samples.jsonl");
    let files = SoakFiles { samples: samples.clone(), history: None };
    let stop = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while std::fs::read_to_string(&samples).unwrap_or_default().matches("\"sample\"").count() < 3 {
            ticks.tick().await;
        }
    };
    let report = soak(&beside()?, plan(3_600, &[]), &files, "cargo test", stop).await?;
    assert_eq!((report.broken(), report.faults()), (0, 0), "{}", report.text());
    assert!(report.good_calls() > 0, "{}", report.text());
    Ok(())
}
