//! The guard's instructions for a call, compared with the recorded ones. A count does not depend on the machine's load.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use bench::Failure;
use bench::callgrind::{count_in, has_valgrind};
use bench::guarded::COUNTED_FUNCTION;
use serde::{Deserialize, Serialize};

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json");

/// Number of repetitions: rare work, such as the growth of a table, has a small part in the average.
const TIMES: u64 = 200;

/// Largest count of a call, in percent of the recorded one.
const MAX_PERCENT: u64 = 103;

/// Recorded instructions of a call, by the kind of work.
#[derive(Debug, Deserialize, Serialize)]
struct Record {
    compiler: String,
    instructions: BTreeMap<String, u64>,
}

/// The counts belong to debug builds of one compiler on one processor architecture.
fn compiler() -> Result<String, Failure> {
    let version = Command::new("rustc").arg("-V").output()?.stdout;
    Ok(format!("{}, {}", String::from_utf8(version)?.trim(), std::env::consts::ARCH))
}

/// Returns true if the counts are to be recorded.
#[expect(clippy::disallowed_methods, reason = "the environment chooses the work of a test")]
fn is_update() -> bool {
    std::env::var_os("GATEPOST_UPDATE").is_some_and(|value| value == "1")
}

/// If the guard's work grew with a reason, run the test again with `GATEPOST_UPDATE=1`.
#[test]
fn guard_executes_no_more_instructions() -> Result<(), Failure> {
    if !has_valgrind() {
        eprintln!("instructions: not checked (Valgrind is not installed)");
        return Ok(());
    }
    let mut instructions = BTreeMap::new();
    for work in ["hit", "guarded", "public"] {
        let arguments = ["guard-work", work, &TIMES.to_string()];
        let counted = count_in(COUNTED_FUNCTION, Path::new(env!("CARGO_BIN_EXE_bench")), &arguments)?;
        instructions.insert(work.to_owned(), counted / TIMES);
    }
    let now = Record { compiler: compiler()?, instructions };
    if is_update() {
        return Ok(std::fs::write(RECORD, serde_json::to_string_pretty(&now)? + "\n")?);
    }
    let recorded: Record = serde_json::from_str(&std::fs::read_to_string(RECORD)?)?;
    if recorded.compiler != now.compiler {
        eprintln!("instructions: not checked (recorded with {}, this is {})", recorded.compiler, now.compiler);
        return Ok(());
    }
    for (work, before) in &recorded.instructions {
        let now = now.instructions[work];
        assert!(now * 100 <= before * MAX_PERCENT, "{work}: {now} instructions a call, recorded were {before}");
    }
    Ok(())
}
