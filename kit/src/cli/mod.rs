//! Parts that the commands for operators share: forms of output, failures, effective settings, checks, completions and
//! manual pages.

mod check_list;
mod checks;
mod failure;
mod greeting;
mod listing;
mod manual;
mod output_format;
mod report;
mod shown_settings;
mod shown_text;

pub use check_list::{CheckList, CheckState};
pub use checks::{
    CHECK_TIMEOUT, check_certificates, check_config_file, check_descriptors, check_exposed, check_running,
    check_secret_files, quietly, within,
};
pub use failure::{CommandFailure, FailureKind};
pub use greeting::Greeting;
pub use listing::{DocumentForm, ListedRow, Listing, listing};
pub use manual::{CompletionsFlags, ManFlags};
pub use output_format::{OutputFlags, OutputFormat, json, table};
pub use report::CheckReport;
pub use shown_settings::show_settings;
pub use shown_text::shown_text;

use std::io::Write as _;

/// Writes the result of a command to standard output.
///
/// # Errors
/// Fails if the output cannot be written, for example on a full disk. The failure prints nothing if the reader has
/// closed the pipe.
pub fn print(text: &str) -> Result<(), CommandFailure> {
    let mut output = std::io::stdout();
    let written = writeln!(output, "{text}").and_then(|()| output.flush());
    written.map_err(|error| CommandFailure::output(&error))
}
