//! Questions at a terminal: confirmations, and passwords without echo.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::pair::PASSWORD;
use super::person::{Person, Told};
use super::world::{ADA, ROOT, World};

/// A command whose standard input is a terminal.
struct AtTerminal {
    child: Child,
    person: File,
    /// The command's end, kept open so that the terminal stays.
    end: OwnedFd,
    said: String,
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
        Self { child, person: control.into(), end, said: String::new() }
    }

    /// Waits until the terminal shows this text.
    fn hears(&mut self, text: &str) {
        let mut bytes = [0; 256];
        while !self.said.contains(text) {
            let read = self.person.read(&mut bytes).unwrap();
            self.said += &String::from_utf8_lossy(&bytes[..read]);
        }
    }

    fn types(&mut self, line: &str) {
        self.said.clear();
        self.person.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn echoes(&self) -> bool {
        tcgetattr(&self.end).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for the end of the command, after which the terminal echoes.
    fn told(self, person: &Person) -> Told {
        let Self { child, end, .. } = self;
        let told = person.checked(&child.wait_with_output().unwrap());
        assert!(tcgetattr(&end).unwrap().local_modes.contains(LocalModes::ECHO), "the echo is back");
        told
    }
}

#[test]
fn change_is_confirmed_at_a_terminal() {
    let world = World::on_file(&[]);
    let root = world.person(ROOT);
    assert_eq!(root.told(&["users", "create", ADA], PASSWORD).code, 0);
    for (answer, code) in [("n", 1), ("", 1), ("y", 0)] {
        let mut terminal = AtTerminal::start(&root, &["users", "delete", ADA]);
        terminal.hears("Delete ada@example.com (");
        terminal.hears("[y/N] ");
        terminal.types(answer);
        let told = terminal.told(&root);
        assert_eq!(told.code, code, "{answer:?}: {}", told.err);
        assert_eq!(told.err.contains("nothing was changed"), code == 1, "{}", told.err);
    }
    root.refused(3, &["users", "show", ADA]);
}

#[test]
fn password_is_typed_without_echo() {
    let world = World::on_file(&[]);
    let person = Person::new();
    let mut terminal = AtTerminal::start(&person, &["login", "--auth-url", world.url()]);
    terminal.hears("Email: ");
    terminal.types(ROOT);
    terminal.hears("Password: ");
    assert!(!terminal.echoes());
    terminal.types(PASSWORD);
    let told = terminal.told(&person);
    assert!(told.code == 0 && told.out.contains(ROOT), "{}", told.err);
    for (second, code) in [("another password 42", 2), (PASSWORD, 0)] {
        let mut terminal = AtTerminal::start(&person, &["users", "create", ADA]);
        terminal.hears("Password: ");
        terminal.types(PASSWORD);
        terminal.hears("Password again: ");
        assert!(!terminal.said.contains(PASSWORD), "the terminal shows no password: {}", terminal.said);
        terminal.types(second);
        let told = terminal.told(&person);
        assert_eq!((told.code, told.err.contains("the two passwords differ")), (code, code == 2), "{}", told.err);
    }
}

#[test]
fn signal_at_a_password_brings_the_echo_back() {
    let world = World::on_file(&[]);
    let person = Person::new();
    let mut terminal = AtTerminal::start(&person, &["login", "--auth-url", world.url(), "--email", ROOT]);
    terminal.hears("Password: ");
    let id = i32::try_from(terminal.child.id()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), rustix::process::Signal::INT).unwrap();
    let told = terminal.told(&person);
    assert!(told.code == 1 && told.err.contains("stopped before the end"), "{}", told.err);
    assert!(!person.credentials().exists());
}
