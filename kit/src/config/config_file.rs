//! Settings of a configuration file.

use std::collections::BTreeMap;

/// Settings of a file.
#[derive(Debug)]
pub(super) struct ConfigFile {
    /// Path, as it was given.
    pub(super) path: String,
    /// Settings by their variables.
    pub(super) settings: BTreeMap<String, FileSetting>,
}

/// Setting of a file.
#[derive(Clone, Debug)]
pub(super) struct FileSetting {
    /// Text of the value, as the variable would have it.
    pub(super) value: String,
    /// Flag of the key.
    pub(super) flag: String,
    /// File, line, table and key.
    pub(super) place: String,
    /// File and line.
    pub(super) line: String,
}

impl ConfigFile {
    /// Returns the setting of this variable.
    pub(super) fn get(&self, variable: &str) -> Option<&FileSetting> {
        self.settings.get(variable)
    }
}
