//! Description of the machine on which figures are measured.

use std::fmt;
use std::fs;
use std::process::Command;

use serde::Serialize;

/// The command, the machine and the commit of figures.
#[derive(Clone, Debug, Serialize)]
pub struct MachineFacts {
    /// The command that repeats the measurement.
    pub command: String,
    /// Model of the processor.
    pub processor: String,
    /// Number of cores.
    pub cores: usize,
    /// Name and release of the operating system.
    pub system: String,
    /// Commit of the checkout; `-dirty` follows if it has changes.
    pub commit: String,
}

impl MachineFacts {
    /// Returns the facts of this machine and checkout.
    pub fn read(command: &str) -> Self {
        let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processor
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_owned()))
            .unwrap_or_else(|| "unknown processor".into());
        let cores = std::thread::available_parallelism().map_or(1, Into::into);
        let system = output_of("uname", &["-sr"]);
        let commit = output_of("git", &["describe", "--always", "--dirty", "--abbrev=12"]);
        Self { command: command.into(), processor, cores, system, commit }
    }
}

impl fmt::Display for MachineFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, processor, cores, system, commit } = self;
        write!(formatter, "command: {command}\nmachine: {processor}, {cores} cores, {system}\ncommit:  {commit}")
    }
}

/// Prints the command, the machine and the commit.
#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub fn print(command: &str) {
    println!("{}", MachineFacts::read(command));
}

/// Returns the command, the machine and the commit, each on a line.
pub fn describe(command: &str) -> String {
    MachineFacts::read(command).to_string()
}

fn output_of(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
