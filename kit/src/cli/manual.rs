//! Shell completions and manual pages, both generated from the definition of the command line.

use std::error::Error;
use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{CommandFailure, print};
use crate::config::ConfigError;

/// Flags of `completions`.
#[derive(Clone, Copy, Debug, Args)]
pub struct CompletionsFlags {
    /// Shell that completes the commands
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Flags of `man`.
#[derive(Clone, Debug, Args)]
pub struct ManFlags {
    /// Command to print the page of, such as `keys rotate`; without one, the program's own page
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Folder for the pages of the program and all its commands, in place of the output: gatepost.1, gatepost-keys.1, …
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    folder: Option<PathBuf>,
}

/// Error of a folder in which the pages cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the pages cannot be written to {} ({}): name a folder that you may write to", folder.display(), error.kind())]
struct PagesNotWritten {
    folder: PathBuf,
    error: io::Error,
}

impl CompletionsFlags {
    /// Prints the completion script of this program for the shell.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn run(self, mut program: Command) -> Result<(), CommandFailure> {
        let name = program.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, name, &mut script);
        print(String::from_utf8_lossy(&script).trim_end())
    }
}

impl ManFlags {
    /// Prints the manual page of a command, or writes all pages into a folder.
    ///
    /// # Errors
    /// [`ConfigError`] for an unknown command. Else names the output or the folder that cannot be written.
    pub fn run(self, program: Command) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Some(folder) = self.folder else {
            return Ok(print(page(program, &self.command)?.trim_end())?);
        };
        let written = fs::create_dir_all(&folder).and_then(|()| clap_mangen::generate_to(program, &folder));
        Ok(written.map_err(|error| PagesNotWritten { folder, error })?)
    }
}

/// Returns the page of the command that these words name.
fn page(program: Command, words: &[String]) -> Result<String, ConfigError> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let name = program.get_name().to_owned();
    let command = words.iter().try_fold(&program, |command, word| command.find_subcommand(word));
    let Some(command) = command else {
        let help = format!("no such command: `{name} --help` lists the commands");
        return Err(ConfigError::Unknown(help));
    };
    let mut page = Vec::new();
    // A write to memory cannot fail.
    let _ = Man::new(command.clone()).render(&mut page);
    Ok(String::from_utf8_lossy(&page).into_owned())
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn program() -> Command {
        let rotate = Command::new("rotate").about("Adds a key").arg(Arg::new("lead").long("lead").env("LEAD"));
        Command::new("prog").about("Does things").subcommand(Command::new("keys").subcommand(rotate))
    }

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn each_command_has_a_page() {
        assert!(page(program(), &[]).unwrap().contains(r"prog\-keys(1)"));
        let rotate = page(program(), &words("keys rotate")).unwrap();
        assert!(rotate.contains("Adds a key") && rotate.contains("LEAD"), "{rotate}");
        let error = page(program(), &words("keys turn")).unwrap_err().to_string();
        assert_eq!(error, "no such command: `prog --help` lists the commands");
    }

    #[test]
    fn folder_gets_all_pages() {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("man1");
        let flags = ManFlags { command: Vec::new(), folder: Some(pages.clone()) };
        flags.clone().run(program()).unwrap();
        let mut names: Vec<_> = fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["prog-keys-rotate.1", "prog-keys.1", "prog.1"]);
        let file = pages.join("prog.1");
        let error = ManFlags { folder: Some(file.clone()), ..flags }.run(program()).unwrap_err().to_string();
        assert!(error.contains(&*file.to_string_lossy()) && error.contains("you may write to"), "{error}");
    }
}
