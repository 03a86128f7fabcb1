//! `completions` and `man` of the built programs.

use std::fs;
use std::process::Command;

use super::pair::{folder, gatepost};

/// Returns standard output of a command that succeeds without a word on standard error.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && err.is_empty(), "{err}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bash_completes_commands_and_flags() {
    let (folder, path) = (folder(), "gatepost.bash");
    let script = output(gatepost().args(["completions", "bash"]).env("AUTH_LISTENN", "mistyped"));
    fs::write(folder.path().join(path), script).unwrap();
    let complete = |words: &[&str]| {
        let last = words.len() - 1;
        let call = format!(
            "source {path}\nCOMP_WORDS=({})\nCOMP_CWORD={last}\n_gatepost gatepost {:?} {:?}\necho \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words[last],
            words[last - 1]
        );
        output(Command::new("bash").args(["-uc", &call]).current_dir(folder.path()))
    };
    assert_eq!(complete(&["gatepost", "doc"]).trim(), "doctor");
    assert_eq!(complete(&["gatepost", "keys", "rot"]).trim(), "rotate");
    assert!(complete(&["gatepost", "token", "inspect", "--aud"]).contains("--audience"));
    for shell in ["elvish", "fish", "powershell", "zsh"] {
        assert!(output(gatepost().args(["completions", shell])).contains("doctor"), "{shell}");
    }
}

#[test]
fn manual_has_a_page_for_each_command() {
    let rotate = output(gatepost().args(["man", "keys", "rotate"]).env("AUTH_LISTENN", "mistyped"));
    assert!(rotate.contains(".TH gatepost-keys-rotate 1") && rotate.contains("AUTH_SIGNING_KEY_LEAD"), "{rotate}");
    let folder = folder();
    assert_eq!(output(gatepost().args(["man", "--folder"]).arg(folder.path())), "");
    let pages: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    for name in ["gatepost.1", "gatepost-auth.1", "gatepost-keys-rotate.1", "gatepost-token-inspect.1"] {
        assert!(pages.iter().any(|page| page.ends_with(name)), "{name}");
    }
    assert!(!pages.iter().any(|page| page.to_string_lossy().contains("reference")), "the command is hidden");
}

#[test]
fn bad_arguments_are_refused_with_advice() {
    for (args, code, problem) in [
        (&["completions", "tcsh"][..], 2, "write one of bash"),
        (&["man", "keys", "turn"], 2, "no such command: `gatepost --help` lists the commands"),
        (&["man", "--folder", "/proc/man"], 1, "name a folder that you may write to"),
    ] {
        let output = gatepost().args(args).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {err}");
        assert!(err.contains(problem) && output.stdout.is_empty(), "{args:?}: {err}");
    }
}
