//! Effective settings as a table or as JSON.

use serde::Serialize;

use super::output_format::{OutputFormat, json, table};
use crate::config::{EffectiveSetting, SettingSource, SettingValue};

/// Setting as programs read it.
#[derive(Serialize)]
pub(super) struct ShownSetting<'s> {
    setting: &'s str,
    /// Value; absent for a secret and for an unset setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'s str>,
    is_set: bool,
    source: &'static str,
    /// Variable, or the file and its line.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'s str>,
}

impl<'s> ShownSetting<'s> {
    pub(super) fn new(setting: &'s EffectiveSetting) -> Self {
        let (value, is_set) = match &setting.value {
            SettingValue::Unset => (None, false),
            SettingValue::Text(text) => (Some(text.as_str()), true),
            SettingValue::Secret => (None, true),
        };
        let (source, place) = match &setting.source {
            SettingSource::Default => ("default", None),
            SettingSource::File(place) => ("file", Some(place.as_str())),
            SettingSource::Environment(variable) => ("environment", Some(variable.as_str())),
            SettingSource::Flag => ("flag", None),
        };
        Self { setting: &setting.variable, value, is_set, source, place }
    }

    /// Returns the cells of a table.
    fn cells(&self) -> Vec<String> {
        let value = match (self.value, self.is_set) {
            (Some(value), _) => value,
            (None, true) => "set",
            (None, false) => "unset",
        };
        // The variable's name is already in the first column.
        let place = self.place.filter(|place| *place != self.setting);
        let source = place.map_or_else(|| self.source.to_owned(), |place| format!("{} ({place})", self.source));
        vec![self.setting.to_owned(), value.to_owned(), source]
    }
}

/// Returns the settings in this form.
pub fn show_settings(settings: &[EffectiveSetting], format: OutputFormat) -> String {
    let shown: Vec<_> = settings.iter().map(ShownSetting::new).collect();
    match format {
        OutputFormat::Json => json(&shown),
        OutputFormat::Table => {
            let heading = ["SETTING", "VALUE", "SOURCE"].map(str::to_owned).to_vec();
            let rows: Vec<_> = [heading].into_iter().chain(shown.iter().map(ShownSetting::cells)).collect();
            table(&rows)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_shown_as_set() {
        let setting = |variable: &str, value, source| EffectiveSetting { variable: variable.into(), value, source };
        let settings = [
            setting("A", SettingValue::Text("x".into()), SettingSource::Environment("A".into())),
            setting("B", SettingValue::Secret, SettingSource::File("f.toml:3".into())),
            setting("C", SettingValue::Unset, SettingSource::Default),
        ];
        let wanted = "SETTING  VALUE  SOURCE\nA        x      environment\nB        set    file (f.toml:3)\nC        unset  default";
        assert_eq!(show_settings(&settings, OutputFormat::Table), wanted);
        assert!(show_settings(&settings, OutputFormat::Json).contains(r#""place": "f.toml:3""#));
    }
}
