//! `RUST_LOG` as an operator writes it.

use super::pair::{fails, folder, gatepost};

#[test]
fn filter_with_an_unknown_level_is_refused() {
    let folder = folder();
    for word in ["warning", "verbose", "fatal"] {
        for arguments in [&["auth"][..], &["blog"], &["keys", "list"], &[]] {
            let mut command = gatepost();
            let (code, why) = fails(command.args(arguments).current_dir(folder.path()).env("RUST_LOG", word));
            let problem =
                format!("gatepost: RUST_LOG: unknown level {word:?}; write off, error, warn, info, debug or trace,");
            assert!(code == Some(2) && why.starts_with(&problem) && why.lines().count() == 1, "{code:?}: {why}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a refused start writes nothing");
}
