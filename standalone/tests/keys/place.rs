//! The pair's folder selects the database, and the error about an unknown command shows the command.

use super::output::CommandOutput;
use super::pair::{Pair, folder, gatepost};

/// Runs the command with these settings.
fn run(args: &[&str], settings: &[(&str, &str)]) -> CommandOutput {
    CommandOutput::from_process(&gatepost().args(args).envs(settings.iter().copied()).output().unwrap())
}

#[test]
fn keys_of_the_pair_are_found_by_its_folder() {
    let folder = folder();
    let _pair = Pair::start(folder.path(), &[]);
    let data = folder.path().to_str().unwrap();
    let variable = [("GATEPOST_DATA_DIR", data)];
    for (args, settings) in [
        (&["keys", "--data-dir", data, "list"][..], &[][..]),
        (&["keys", "list", "--data-dir", data], &[]),
        (&["keys", "list"], &variable),
    ] {
        let output = run(args, settings);
        assert!(output.code == 0 && output.out.contains(" signing "), "{args:?}: {}", output.err);
    }
    let two = run(&["keys", "list"], &[variable[0], ("AUTH_DATABASE_URL", "sqlite:elsewhere.db")]);
    assert!(two.code == 2 && two.err.contains("unset one of them"), "{}", two.err);
}

#[test]
fn unknown_command_is_shown() {
    for (args, said) in [
        (&["frob"][..], "unknown command \"frob\"; run \"gatepost --help\""),
        (&["kyes"], "unknown command \"kyes\"; run \"gatepost --help\""),
        (&["keys", "frob"], "unknown command \"frob\"; run \"gatepost keys --help\""),
        (&["auth", "frob"], "unknown command \"frob\"; run \"gatepost auth --help\""),
        // Other unknown arguments are not shown: they may be passwords.
        (
            &["admin", "set-password", "a@example.com", "hunter2"],
            "unknown argument; run \"gatepost admin set-password --help\"",
        ),
        (&["Canary-7"], "unknown argument; run \"gatepost --help\""),
    ] {
        let output = run(args, &[]);
        assert_eq!((output.code, output.err), (2, format!("gatepost: {said}\n")), "{args:?}");
    }
}
