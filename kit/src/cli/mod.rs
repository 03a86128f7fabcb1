//! Parts that the commands for operators share: forms of output, effective settings, and checks.

mod checks;
mod greeting;
mod output_format;
mod report;
mod shown_settings;

pub use checks::{
    CHECK_TIMEOUT, check_certificates, check_config_file, check_descriptors, check_exposed, check_running,
    check_secret_files, quietly, within,
};
pub use greeting::Greeting;
pub use output_format::{OutputFlags, OutputFormat, json, table};
pub use report::{CheckReport, CheckState, ChecksFailed};
pub use shown_settings::show_settings;

use std::io::Write as _;

/// Writes the result of a command to standard output. A closed output is not a failure.
pub fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
