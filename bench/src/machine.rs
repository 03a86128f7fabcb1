//! Description of the machine on which figures are measured.

use std::fs;
use std::process::Command;

/// Prints the command, the machine and the commit.
#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub fn print(command: &str) {
    println!("{}", describe(command));
}

/// Returns the command, the machine and the commit, each on a line.
pub fn describe(command: &str) -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_owned()))
        .unwrap_or_else(|| "unknown processor".into());
    let cores = std::thread::available_parallelism().map_or(1, Into::<usize>::into);
    let system = output_of("uname", &["-sr"]);
    let commit = output_of("git", &["describe", "--always", "--dirty", "--abbrev=12"]);
    format!("command: {command}\nmachine: {processor}, {cores} cores, {system}\ncommit:  {commit}")
}

fn output_of(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
