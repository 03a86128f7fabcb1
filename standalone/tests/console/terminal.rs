//! Questions at a terminal: confirmations, and passwords without echo.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::pair::PASSWORD;
use super::person::{CommandResult, Person};
use super::world::{ADA, ROOT, World};

/// A command whose standard input is a terminal.
struct AtTerminal {
    child: Child,
    /// The end that a person would use.
    control: File,
    /// The command's end, kept open so that the terminal stays.
    end: OwnedFd,
    /// Text since the last typed line.
    screen: String,
}

impl AtTerminal {
    fn start(person: &Person, args: &[&str]) -> Self {
        let control = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&control).unwrap();
        unlockpt(&control).unwrap();
        let name = ptsname(&control, Vec::new()).unwrap();
        let end = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let input = Stdio::from(end.try_clone().unwrap());
        let child = person.command(args).stdin(input).spawn().unwrap();
        Self { child, control: control.into(), end, screen: String::new() }
    }

    /// Waits until the terminal shows this text.
    fn wait_for(&mut self, text: &str) {
        let mut bytes = [0; 256];
        while !self.screen.contains(text) {
            let read = self.control.read(&mut bytes).unwrap();
            self.screen += &String::from_utf8_lossy(&bytes[..read]);
        }
    }

    fn type_line(&mut self, line: &str) {
        self.screen.clear();
        self.control.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn has_echo(&self) -> bool {
        tcgetattr(&self.end).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for the end of the command, and checks that the terminal echoes again.
    fn finish(self, person: &Person) -> CommandResult {
        let Self { child, end, .. } = self;
        let result = person.checked(&child.wait_with_output().unwrap());
        assert!(tcgetattr(&end).unwrap().local_modes.contains(LocalModes::ECHO), "the echo is back");
        result
    }
}

#[test]
fn change_is_confirmed_at_a_terminal() {
    let world = World::on_file(&[]);
    let root = world.person(ROOT);
    assert_eq!(root.run(&["users", "create", ADA], PASSWORD).code, 0);
    for (answer, code) in [("n", 1), ("", 1), ("y", 0)] {
        let mut terminal = AtTerminal::start(&root, &["users", "delete", ADA]);
        terminal.wait_for("Delete ada@example.com (");
        terminal.wait_for("[y/N] ");
        terminal.type_line(answer);
        let result = terminal.finish(&root);
        assert_eq!(result.code, code, "{answer:?}: {}", result.err);
        assert_eq!(result.err.contains("nothing was changed"), code == 1, "{}", result.err);
    }
    root.refused(3, &["users", "show", ADA]);
}

#[test]
fn password_is_typed_without_echo() {
    let world = World::on_file(&[]);
    let person = Person::new();
    let mut terminal = AtTerminal::start(&person, &["login", "--auth-url", world.url()]);
    terminal.wait_for("Email: ");
    terminal.type_line(ROOT);
    terminal.wait_for("Password: ");
    assert!(!terminal.has_echo());
    terminal.type_line(PASSWORD);
    let result = terminal.finish(&person);
    assert!(result.code == 0 && result.out.contains(ROOT), "{}", result.err);
    for (second, code) in [("another password 42", 2), (PASSWORD, 0)] {
        let mut terminal = AtTerminal::start(&person, &["users", "create", ADA]);
        terminal.wait_for("Password: ");
        terminal.type_line(PASSWORD);
        terminal.wait_for("Password again: ");
        assert!(!terminal.screen.contains(PASSWORD), "the terminal shows no password: {}", terminal.screen);
        terminal.type_line(second);
        let result = terminal.finish(&person);
        assert_eq!((result.code, result.err.contains("the two passwords differ")), (code, code == 2), "{}", result.err);
    }
}

#[test]
fn signal_at_a_password_restores_the_echo() {
    let world = World::on_file(&[]);
    let person = Person::new();
    let mut terminal = AtTerminal::start(&person, &["login", "--auth-url", world.url(), "--email", ROOT]);
    terminal.wait_for("Password: ");
    let id = i32::try_from(terminal.child.id()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), rustix::process::Signal::INT).unwrap();
    let result = terminal.finish(&person);
    assert!(result.code == 1 && result.err.contains("stopped before the end"), "{}", result.err);
    assert!(!person.credentials().exists());
}
