//! Published secrets: those in `.env.example`. They are accepted for a local trial and refused elsewhere.

use super::{ConfigError, InsecureSwitch};

/// Secrets of `.env.example`; a test compares them with the file.
pub const PUBLISHED_SECRETS: [&str; 5] = [
    "local-use-only-superuser",
    "local-use-only-auth",
    "local-use-only-blog",
    "6wLDMrzsu2VtHTGKC+/yJ2lQi3J/um+NjnUCSlvUHCI=",
    "69a6e06caaf45d9a62aff3a49f11456ef2e7da40c91ba676d647ee0dcff64871",
];

/// Returns true if `.env.example` shows this secret.
pub fn is_published(secret: &str) -> bool {
    PUBLISHED_SECRETS.contains(&secret)
}

/// Refuses a published secret. If the switch is on, it only logs a warning, and returns the warning.
///
/// # Errors
/// Names the setting and the fix.
pub fn check_published(name: &str, is_published: bool, switch: InsecureSwitch) -> Result<Option<String>, ConfigError> {
    const PROBLEM: &str = "is published in .env.example, so everyone knows it: make your own";
    match (is_published, switch.is_on) {
        (false, _) => Ok(None),
        (true, true) => {
            let warning = format!("{name} {PROBLEM}");
            tracing::warn!("{warning}");
            Ok(Some(warning))
        }
        (true, false) => Err(ConfigError::setting(
            name,
            format!("{PROBLEM}, or set {}=true if no other machine can reach this one", switch.name),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_secrets_equal_those_of_the_example() {
        let example = include_str!("../../../.env.example");
        let settings = example.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
        let values: Vec<_> = settings.map(|(_, value)| value).collect();
        assert_eq!(values, PUBLISHED_SECRETS);
    }

    #[test]
    fn published_secret_needs_the_switch() {
        let switch = |is_on| InsecureSwitch { name: "A_INSECURE", is_on };
        assert!(check_published("A", false, switch(false)).is_ok());
        assert!(check_published("A", true, switch(true)).is_ok());
        let why = check_published("A", true, switch(false)).unwrap_err().to_string();
        assert!(why.starts_with("A: is published in .env.example") && why.contains("A_INSECURE=true"), "{why}");
    }
}
