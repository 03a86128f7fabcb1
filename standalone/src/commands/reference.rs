//! `gatepost reference`: tables of all settings in Markdown, which `docs/operations/configuration.md` contains.

use std::fmt::Write as _;

use clap::{Arg, Command};
use kit::config::Secret;

/// Heading of the flags without a group.
const GENERAL: &str = "General";

/// Sentence below the heading of a group.
struct Note {
    heading: &'static str,
    text: &'static str,
}

const NOTES: [Note; 8] = [
    Note { heading: "Audit log", text: "[audit.md](audit.md#retention) explains them." },
    Note { heading: "TLS", text: "[tls.md](tls.md) explains them." },
    Note { heading: "TLS to the auth service", text: "[tls.md](tls.md) explains them." },
    Note { heading: "Key pairs that sign", text: "[keys.md](keys.md) explains them." },
    Note { heading: "Limits of wrong passwords and registrations", text: "[users.md](users.md) explains them." },
    Note { heading: "Proxies before the service", text: "[hardening.md](hardening.md#proxies) explains them." },
    Note {
        heading: "Limits of the server",
        text: "[hardening.md](hardening.md#limits-of-the-server) explains them, and lists the limits without a setting.",
    },
    Note {
        heading: "Log and telemetry",
        text: "[logging.md](logging.md) explains the log, and \
               [traces and the collector](monitoring.md#traces-and-the-collector).",
    },
];

/// Returns the generated parts of the page, each between two marks.
pub(crate) fn reference(command: &Command) -> String {
    let single = |name| command.find_subcommand(name).map(groups).unwrap_or_default();
    let secrets = secrets(&auth_service::SECRETS, "auth") + &secrets(&blog_service::SECRETS, "blog");
    let secrets = format!("| variable | service | meaning |\n| --- | --- | --- |\n{secrets}");
    let parts = [
        part("pair", &flags(command.get_arguments())),
        part("auth", &single("auth")),
        part("blog", &single("blog")),
        part("secrets", &secrets),
    ];
    parts.join("\n")
}

fn part(name: &str, text: &str) -> String {
    format!("<!-- generated: {name} -->\n\n{}\n\n<!-- end: {name} -->", text.trim())
}

/// Returns a table for each group of flags, below its heading.
fn groups(command: &Command) -> String {
    let mut headings: Vec<Option<&str>> = Vec::new();
    for arg in command.get_arguments().filter(|arg| arg.get_env().is_some()) {
        if !headings.contains(&arg.get_help_heading()) {
            headings.push(arg.get_help_heading());
        }
    }
    let mut text = String::new();
    for heading in headings {
        let title = heading.unwrap_or(GENERAL);
        let note = NOTES.iter().find(|note| note.heading == title).map(|note| format!("{}\n\n", note.text));
        let own = command.get_arguments().filter(|arg| arg.get_help_heading() == heading);
        let _ = write!(text, "### {title}\n\n{}{}\n", note.unwrap_or_default(), flags(own));
    }
    text
}

/// Returns the table of the flags that have a variable.
fn flags<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let rows = args.filter_map(|arg| {
        let (variable, flag) = (arg.get_env()?.to_str()?, arg.get_long()?);
        let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = if defaults.is_empty() { "unset".to_owned() } else { format!("`{}`", defaults.join(",")) };
        Some(format!("| `{variable}` | `--{flag}` | {default} | {} |\n", meaning(arg)))
    });
    format!("| variable | flag | default | meaning |\n| --- | --- | --- | --- |\n{}", rows.collect::<String>())
}

/// Returns the help of a flag, with its words.
fn meaning(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let help = help.split_whitespace().map(marked).collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let values = arg.get_possible_values();
    let values: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
    if values.is_empty() || arg.is_hide_possible_values_set() { help } else { format!("{help}: {}", values.join(", ")) }
}

/// Returns the word as code if it is a flag or a variable.
fn marked(word: &str) -> String {
    let bare = word.trim_end_matches([',', ';', ':', '.', ')']);
    let is_variable = bare.len() > 5 && bare.contains('_') && bare.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    if bare.starts_with("--") || is_variable { format!("`{bare}`{}", &word[bare.len()..]) } else { word.to_owned() }
}

/// Returns the rows of these secrets.
fn secrets(secrets: &[Secret], service: &str) -> String {
    let row = |secret: &Secret| {
        let help = secret.help.join(" ").split_whitespace().map(marked).collect::<Vec<_>>().join(" ");
        format!("| `{}` | {service} | {help} |\n", secret.name)
    };
    secrets.iter().map(row).collect()
}
