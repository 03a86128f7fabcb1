//! `bench rivals` in short form: Gatepost beside the Go pair, with the table, the JSON and the plot.

#![cfg(test)]

use std::path::Path;
use std::process::Command;

use bench::Failure;
use bench::services::beside;
use serde_json::Value;

/// Returns true if Go and buf are there, which the Go pair's build needs. `GATEPOST_GO_CLIENT=skip` does without.
#[expect(clippy::disallowed_methods, reason = "scripts/test names its tools in the environment")]
fn has_go_tools() -> bool {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let tools = match variable("GATEPOST_TOOLS") {
        tools if tools.is_empty() => format!("{}/.cache/gatepost-tools", variable("HOME")),
        tools => tools,
    };
    let has_go = Command::new("go").arg("version").output().is_ok_and(|output| output.status.success());
    variable("GATEPOST_GO_CLIENT") != "skip" && has_go && Path::new(&tools).join("venv/bin/buf").is_file()
}

/// Returns `bench rivals` with little work.
fn rivals(arguments: &[&str]) -> Result<Command, Failure> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args(["rivals", "--rounds", "2", "--turns", "1", "--turn-ms", "50", "--posts", "20", "--users", "2"]);
    command.args(["--starts", "1", "--logouts", "1", "--wait-seconds", "1", "--json", "-", "--program"]);
    command.arg(beside()?).args(arguments);
    Ok(command)
}

#[test]
fn go_pair_gets_the_same_calls() -> Result<(), Failure> {
    if !has_go_tools() {
        println!("skipped: Go or buf is missing (scripts/test --setup), so the Go pair was not built");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let plot = folder.path().join("plot.svg");
    let output = rivals(&["go-pair", "--plot", &plot.display().to_string()])?.output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let [gatepost, pair] = [&report["rivals"][0], &report["rivals"][1]];
    assert_eq!([&gatepost["rival"], &pair["rival"]], ["gatepost", "go-pair"]);
    for call in ["read", "public_read", "login", "refresh"] {
        for rival in [gatepost, pair] {
            let rounds = rival["calls"][call]["rounds"].as_array().unwrap();
            assert_eq!((rounds.len(), &rival["calls"][call]["first_failure"]), (2, &Value::Null), "{rival}");
            assert!(rounds.iter().all(|round| round["answers"].as_u64() > Some(0)), "{call}: {rival}");
        }
    }
    assert!(pair["calls"]["verify"].is_null() && gatepost["calls"]["verify"].is_object(), "{report}");
    for figure in ["memory_idle_mib", "memory_load_mib"] {
        assert!(pair[figure].as_f64() > Some(1.0), "{figure}: {pair}");
    }
    assert!(pair["start_s"]["median"].as_f64() > Some(0.0) && pair["guarded_ratio"]["min"].as_f64() > Some(0.0));
    // The Go pair checks its tokens by itself, and knows no logout.
    assert_eq!(pair["refused"]["not_within"], 1, "{pair}");
    assert!(gatepost["refused"]["after"]["max"].as_f64() < Some(1.0), "{gatepost}");
    assert!(log.contains("guarded") && log.contains("argon2id"), "the table goes to standard error: {log}");
    let plot = std::fs::read_to_string(plot)?;
    assert!(plot.starts_with("<svg") && plot.ends_with("</svg>\n") && plot.contains(">go-pair<"));
    Ok(())
}

/// A rival whose build fails is named with the reason; without another one, the run fails.
#[test]
fn missing_rival_is_reported() -> Result<(), Failure> {
    // No folder can be made below a device.
    let output = rivals(&["flask"])?.env("GATEPOST_RIVALS", "/dev/null/rivals").output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{log}");
    assert!(log.contains("flask: not run: `bench/rivals/build flask` failed"), "{log}");
    assert!(log.contains("no rival could be started"), "{log}");
    Ok(())
}
