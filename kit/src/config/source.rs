//! Source of a setting's value.

/// Source of a setting's value, from the lowest precedence on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingSource {
    /// No source: the default applies.
    Default,
    /// Configuration file, with the line.
    File(String),
    /// Environment variable of this name.
    Environment(String),
    /// Flag of the command line.
    Flag,
}
