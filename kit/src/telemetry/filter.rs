//! Filter of the log, set by `RUST_LOG`.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Filter without a setting.
pub(super) const DEFAULT_FILTER: &str = "info";

/// Modules that are never logged at any setting.
///
/// At the level `trace` the first two show malformed header values, which may be tokens in the wrong header (C66). The
/// third warns of each unexpected PING acknowledgment: 17 bytes from a peer without a token would make a line. The parser
/// of HTML shows the texts of posts, which may be drafts.
const SILENCED_MODULES: [&str; 8] = [
    "tonic::transport::service::grpc_timeout=off",
    "h2::frame::headers=off",
    "h2::proto::ping_pong=off",
    "html5ever=off",
    "html5ever::serialize=off",
    "html5ever::tokenizer=off",
    "html5ever::tokenizer::char_ref=off",
    "html5ever::tree_builder=off",
];

/// Crates that log, in addition to the caller's. Each name alone is a valid filter, like each level.
const LOGGING_CRATES: &[&str] =
    &["gatepost", "h2", "hyper", "hyper_util", "kit", "mio", "rustls", "tokio", "tonic", "tower"];

/// Parses a filter; `None` is the default filter. The names of `crates` are valid filters.
///
/// # Errors
/// Fails with a text that shows the unreadable part and the allowed forms.
pub(super) fn parse(text: Option<&str>, crates: &[&[&str]]) -> Result<EnvFilter, String> {
    let text = text.unwrap_or(DEFAULT_FILTER);
    let parts: Vec<_> = text.split(',').map(str::trim).collect();
    if let Some(word) = parts.iter().find(|part| is_no_level(part, crates)) {
        return Err(refused(&format!("unknown level {word:?}")));
    }
    let filter = EnvFilter::try_new(parts.join(",")).map_err(|_| refused(&format!("{text:?} cannot be read")))?;
    let never = SILENCED_MODULES.iter().filter_map(|directive| directive.parse().ok());
    Ok(never.fold(filter, EnvFilter::add_directive))
}

fn refused(problem: &str) -> String {
    format!("{problem}; write off, error, warn, info, debug or trace, or TARGET=LEVEL such as `gatepost=debug,info`")
}

/// Returns true for a part such as `warning`. `EnvFilter` would take it for a crate and silence all other crates.
fn is_no_level(part: &str, crates: &[&[&str]]) -> bool {
    let is_filter = part.is_empty() || part.contains(['=', '[']) || part.parse::<LevelFilter>().is_ok();
    let is_crate = crates.iter().chain([&LOGGING_CRATES]).any(|names| names.contains(&part));
    !is_filter && !is_crate && !is_module_path(part)
}

/// Returns true for a path such as `gatepost::guard`.
fn is_module_path(part: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    part.contains("::") && part.split("::").all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_levels_are_refused_with_the_list() {
        for text in [
            "warning",
            "verbose",
            "fatal",
            "info,critical",
            "gatepost=debug, all",
            "Notice",
            "6",
            "info debug",
            "info;debug",
            "gatepost:debug",
            "::",
            "\"info\"",
        ] {
            let why = parse(Some(text), &[]).unwrap_err();
            let word = text.rsplit(',').next().unwrap().trim();
            assert!(why.starts_with(&format!("unknown level {word:?}; ")), "{why}");
            assert!(why.contains("off, error, warn, info, debug or trace"), "{why}");
        }
        for text in ["gatepost=loud", "gatepost=warning", "a=b=c"] {
            let why = parse(Some(text), &[]).unwrap_err();
            assert!(why.starts_with(&format!("{text:?} cannot be read; write off, error")), "{why}");
        }
    }

    #[test]
    fn levels_and_targets_are_accepted() {
        for text in [
            "info",
            "WARN",
            "off",
            "3",
            "gatepost",
            "own",
            "gatepost::guard",
            "some_other::module",
            "own=trace,info",
            "warning=debug",
            "info,[request{user=ada}]=debug,",
            "warn,gatepost::audit=off",
        ] {
            assert!(parse(Some(text), &[&["own"]]).is_ok(), "{text}");
        }
        let shown = parse(Some(" warn , gatepost=debug "), &[]).unwrap().to_string();
        assert!(shown.split(',').any(|part| part == "warn") && shown.contains("gatepost=debug"), "{shown}");
        assert!(parse(None, &[]).is_ok());
    }
}
