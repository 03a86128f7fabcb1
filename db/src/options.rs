//! Reads the `options` of a server's URL: server arguments that change settings of a session.

use std::borrow::Cow;

/// Setting of a server for one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSetting {
    /// Name of the setting.
    pub name: Cow<'static, str>,
    /// Value, as the server reads it.
    pub value: Cow<'static, str>,
}

impl SessionSetting {
    /// Makes a setting of this name and value.
    pub const fn new(name: &'static str, value: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), value: Cow::Borrowed(value) }
    }
}

/// Returns the settings in `-c name=value`, `-cname=value` and `--name=value`, read as the server reads them. A
/// backslash escapes the next character, and blanks separate the words. Returns `None` if there is anything else.
pub(super) fn session_settings(options: &str) -> Option<Vec<SessionSetting>> {
    let mut words = words(options).into_iter();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let setting = if word == "-c" {
            words.next()?
        } else if let Some(name) = word.strip_prefix("--") {
            name.to_owned()
        } else {
            word.strip_prefix("-c")?.to_owned()
        };
        let (name, value) = setting.split_once('=')?;
        if name.is_empty() {
            return None;
        }
        settings.push(SessionSetting { name: name.replace('-', "_").into(), value: value.to_owned().into() });
    }
    Some(settings)
}

fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut chars) = (Vec::new(), None::<String>, text.chars());
    while let Some(char) = chars.next() {
        if char.is_ascii_whitespace() {
            words.extend(word.take());
        } else {
            let char = if char == '\\' { chars.next() } else { Some(char) };
            word.get_or_insert_default().extend(char);
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_setting_is_read() {
        let read = |text: &str| {
            let settings = session_settings(text)?;
            Some(settings.into_iter().map(|set| format!("{}={}", set.name, set.value)).collect::<Vec<_>>())
        };
        assert_eq!(read("").unwrap(), [""; 0]);
        assert_eq!(read("-c search_path=auth").unwrap(), ["search_path=auth"]);
        assert_eq!(read(" -csearch_path=a  --work-mem=1MB ").unwrap(), ["search_path=a", "work_mem=1MB"]);
        assert_eq!(read(r"-c search_path=a,\ b\\c").unwrap(), [r"search_path=a, b\c"]);
        assert_eq!(read("-c x=").unwrap(), ["x="]);
        for bad in ["-c", "-c x", "x=1", "-B 5", "-c =1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
