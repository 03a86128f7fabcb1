//! Cover images and languages of posts.

use ammonia::Url;
use oxilangtag::LanguageTag;

use super::TextError;

/// Longest URL, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// Longest language code, in bytes.
const MAX_LANGUAGE_BYTES: usize = 64;

/// URL of a cover image: absolute, `http` or `https`. If empty, the post has no cover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverUrl(String);

/// Language of a post, a tag of BCP 47 in its canonical case. If empty, the language is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LanguageCode(String);

impl CoverUrl {
    /// Rule of a cover, as error messages show it.
    pub const RULE: &'static str =
        "must be an absolute URL of http or https, at most 2048 bytes, without a user name or a password";

    /// Reads a URL, and writes it as browsers do.
    ///
    /// # Errors
    /// Fails if the text breaks [`CoverUrl::RULE`].
    pub fn parse(text: &str) -> Result<Self, TextError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        // Browsers skip control characters and blanks around a URL; here they are a mistake.
        if text.len() > MAX_URL_BYTES || text.chars().any(|char| char.is_control() || char.is_whitespace()) {
            return Err(TextError);
        }
        let url = Url::parse(text).map_err(|_| TextError)?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        let is_anonymous = url.username().is_empty() && url.password().is_none();
        if is_web && is_anonymous && url.as_str().len() <= MAX_URL_BYTES {
            Ok(Self(url.into()))
        } else {
            Err(TextError)
        }
    }

    /// Returns the URL; empty if there is no cover.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the URL as an owned string.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl LanguageCode {
    /// Rule of a language, as error messages show it.
    pub const RULE: &'static str = "must be a language tag of BCP 47, such as `en` or `pt-BR`, at most 64 bytes";

    /// Reads a language tag, and writes its parts in the case that RFC 5646 recommends.
    ///
    /// # Errors
    /// Fails if the text breaks [`LanguageCode::RULE`].
    pub fn parse(text: &str) -> Result<Self, TextError> {
        match text.len() {
            0 => Ok(Self::default()),
            1..=MAX_LANGUAGE_BYTES => {
                LanguageTag::parse_and_normalize(text).map(|tag| Self(tag.into_inner())).map_err(|_| TextError)
            }
            _ => Err(TextError),
        }
    }

    /// Returns the tag; empty if the language is unknown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the tag as an owned string.
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C59: a cover is an absolute URL of the web.
    #[test]
    fn cover_is_an_absolute_web_url() {
        for (text, wanted) in [
            ("", ""),
            ("https://example.com/a.png", "https://example.com/a.png"),
            ("HTTP://Example.COM", "http://example.com/"),
            ("https://b\u{fc}cher.example/\u{e9}", "https://xn--bcher-kva.example/%C3%A9"),
        ] {
            assert_eq!(CoverUrl::parse(text).unwrap().as_str(), wanted, "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(2048));
        let longer = format!("https://example.com/{}", "\u{e9}".repeat(1000));
        for bad in [
            "a.png",
            "/a.png",
            "//example.com/a.png",
            "javascript:alert(1)",
            "data:image/png;base64,AA==",
            "ftp://example.com/a",
            "mailto:a@example.com",
            "https://",
            "https://ada@example.com/",
            "https://ada:secret@example.com/",
            " https://example.com/",
            "https://exa\tmple.com/",
            &long,
            &longer,
        ] {
            assert_eq!(CoverUrl::parse(bad), Err(TextError), "{bad}");
        }
    }

    #[test]
    fn language_is_well_formed_and_canonical() {
        for (text, wanted) in [
            ("", ""),
            ("en", "en"),
            ("EN-us", "en-US"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("de-ch-1996", "de-CH-1996"),
            ("x-own", "x-own"),
            ("i-KLINGON", "i-klingon"),
        ] {
            assert_eq!(LanguageCode::parse(text).unwrap().as_str(), wanted, "{text}");
        }
        let long = format!("en-x-{}", "a-".repeat(40));
        for bad in ["e", "en_US", "englishlang", "en-", "-en", "en US", "\u{e9}n", &long] {
            assert_eq!(LanguageCode::parse(bad), Err(TextError), "{bad}");
        }
    }
}
