//! Callgrind of Valgrind: runs a program, and counts the instructions that it executes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Failure, services};

/// Prefix of the files with counts, in the folder of a process.
const OUTPUT_NAME: &str = "callgrind.out";

/// A running process whose instructions Callgrind counts.
#[derive(Debug)]
pub struct CallgrindProcess {
    process: u32,
    output: PathBuf,
    /// Number of files that Callgrind has written.
    dumps: u32,
}

/// Returns true if Valgrind is installed.
pub fn has_valgrind() -> bool {
    Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs the program with these arguments to its end. Returns the number of instructions in calls of the functions that
/// match the pattern.
///
/// # Errors
/// Fails if Valgrind is missing, or the program fails.
pub fn count_in(function: &str, program: &Path, arguments: &[&str]) -> Result<u64, Failure> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new("valgrind");
    // Each thread gets its turn, so that the program's other threads do not starve.
    command
        .args(["--tool=callgrind", "--fair-sched=try", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={function}"));
    command.arg(output_flag(folder.path())).arg(program).args(arguments).stdin(Stdio::null());
    let done = command.output().map_err(|error| format!("valgrind (Debian: valgrind): {error}"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(format!("{} under Valgrind: {}: {}", program.display(), done.status, said.trim()).into());
    }
    total(&folder.path().join(OUTPUT_NAME))
}

/// Returns the command that runs the program under Callgrind without counting. Its files are written into the folder.
///
/// # Errors
/// Fails if Valgrind is missing.
pub(crate) fn command(program: &Path, folder: &Path) -> Result<Command, Failure> {
    if !has_valgrind() {
        return Err("Valgrind is missing (Debian: valgrind)".into());
    }
    let mut command = services::command(Path::new("valgrind"), &folder.join("log"))?;
    command.args(["--tool=callgrind", "--instr-atstart=no"]).arg(output_flag(folder)).arg(program);
    // With one worker no thread takes tasks from another one, which would cost instructions at random.
    command.env("TOKIO_WORKER_THREADS", "1");
    Ok(command)
}

impl CallgrindProcess {
    /// Begins to count the instructions of this process.
    ///
    /// # Errors
    /// Fails if the process has ended.
    pub(crate) fn begin(process: u32, folder: &Path) -> Result<Self, Failure> {
        let counted = Self { process, output: folder.join(OUTPUT_NAME), dumps: 0 };
        let said = counted.control("--instr=on")?;
        if said.contains("OK") { Ok(counted) } else { Err(format!("callgrind_control printed: {said}").into()) }
    }

    /// Returns the number of instructions since the last count.
    ///
    /// # Errors
    /// Fails if the process has ended, or Callgrind writes no count.
    pub(crate) fn count(&mut self) -> Result<u64, Failure> {
        let said = self.control("--dump")?;
        self.dumps += 1;
        let file = self.output.with_extension(format!("out.{}", self.dumps));
        let total = total(&file).map_err(|error| format!("{error}; callgrind_control printed: {said}"))?;
        fs::remove_file(&file)?;
        Ok(total)
    }

    /// Sends a request to Callgrind, and returns what `callgrind_control` prints.
    fn control(&self, request: &str) -> Result<String, Failure> {
        // Both programs find each other by the user's name in the environment, and the services have none.
        let mut command = Command::new("callgrind_control");
        let done = command.env_clear().arg(request).arg(self.process.to_string()).output()?;
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        Ok(said.trim().to_owned())
    }
}

fn output_flag(folder: &Path) -> OsString {
    let mut flag = OsString::from("--callgrind-out-file=");
    flag.push(folder.join(OUTPUT_NAME));
    flag
}

/// Returns the total of a file that Callgrind has written.
fn total(file: &Path) -> Result<u64, Failure> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let total = text.lines().rev().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("Callgrind has written no total")?.trim().parse()?)
}
