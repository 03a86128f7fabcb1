//! `bench scale` in short form: both engines, few rows, all figures.

#![cfg(test)]

use std::process::Command;

use bench::Failure;
use bench::services::beside;
use serde_json::Value;

/// Returns the report of `bench scale` with 10 and 1,000 rows.
fn scale(engine: &str) -> Result<Value, Failure> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args([
        "scale",
        "--engine",
        engine,
        "--rows",
        "10,1000",
        "--rounds",
        "1",
        "--turns",
        "1",
        "--turn-ms",
        "50",
    ]);
    command.args([
        "--entries",
        "500",
        "--migrated",
        "5000",
        "--swept",
        "300",
        "--guards",
        "1,3",
        "--guard-seconds",
        "1",
    ]);
    let output = command.arg("--program").arg(beside()?).args(["--json", "-"]).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Asserts that each of these calls has answers at both sizes, and that each other figure has a value.
fn assert_measured(report: &Value, engine: &str, calls: &str) {
    assert_eq!((&report["schema"], &report["settings"]["seed"]), (&1.into(), &1.into()));
    let [figures] = report["engines"].as_array().unwrap().as_slice() else { panic!("one engine: {report}") };
    assert_eq!(figures["engine"], engine);
    let names: Vec<_> = figures["calls"].as_array().unwrap().iter().map(|one| one["call"].as_str().unwrap()).collect();
    assert_eq!(names.join(" "), calls);
    for call in figures["calls"].as_array().unwrap() {
        let sizes: Vec<_> = call["sizes"].as_array().unwrap().iter().map(|size| size["rows"].as_u64()).collect();
        assert_eq!(sizes, [Some(10), Some(1_000)], "{call}");
        for size in call["sizes"].as_array().unwrap() {
            let round = &size["rounds"][0];
            assert!(round["answers"].as_u64() > Some(0) && round["p50_us"].as_u64() > Some(0), "{call}");
            assert!(round["p99_us"].as_u64() >= round["p50_us"].as_u64(), "{call}");
        }
        assert!(call["ratio"]["median"].as_f64() > Some(0.0), "{call}");
    }
    let others = figures["others"].as_array().unwrap();
    // Two starts, the migration with its readers, the sweep with its two callers, and five figures of each number of guards.
    assert_eq!(others.len(), 2 + 2 + 3 + 5 * 2, "{others:?}");
    assert!(others.iter().all(|figure| figure["value"].as_f64().is_some()), "{others:?}");
    let received = others.iter().find(|figure| figure["name"].as_str().unwrap().contains("received")).unwrap();
    assert!(received["value"].as_f64() > Some(0.0), "{received}");
}

#[test]
fn files_are_measured_at_each_size() -> Result<(), Failure> {
    let calls = "get-post list-first list-deep list-by-tag list-by-title get-user users-by-role users-by-state users-by-both \
                 sessions verify refresh login get-post-cached";
    assert_measured(&scale("sqlite")?, "sqlite", calls);
    Ok(())
}

#[tokio::test]
async fn servers_are_measured_at_each_size() -> Result<(), Failure> {
    if testkit::postgres::server().await.is_none() {
        return Ok(());
    }
    let calls = "get-post list-first list-deep list-by-tag list-by-title get-user users-by-role users-by-state users-by-both \
                 sessions verify refresh login";
    assert_measured(&scale("postgres")?, "postgres", calls);
    Ok(())
}

#[test]
fn chosen_figures_are_not_written_into_docs() -> Result<(), Failure> {
    let output = Command::new(env!("CARGO_BIN_EXE_bench")).args(["scale", "--only", "start", "--write"]).output()?;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    Ok(())
}
