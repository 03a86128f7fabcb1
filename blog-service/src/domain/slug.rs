//! Slugs: names of posts for URLs, given by the caller or made from the title.

use deunicode::deunicode_with_tofu;

use super::{PostId, SlugNumbers, TextError, Title};

/// Longest slug, in bytes.
const MAX_SLUG_BYTES: usize = 128;

/// Longest slug that is made from a title, in bytes: a suffix must fit behind it.
const MAX_MADE_BYTES: usize = 112;

/// A slug: 1 to 128 characters of `a-z`, `0-9` and `-`. The form of a UUID is reserved for posts' ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

/// Name by which a caller asks for a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostName {
    /// The post's id.
    Id(PostId),
    /// A slug that the post has or had.
    Slug(Slug),
}

impl Slug {
    /// Rule of a slug, as error messages show it.
    pub const RULE: &'static str =
        "must have 1 to 128 characters of a-z, 0-9 and -, and not the form of a UUID, which is reserved for posts' ids";

    /// Reads a slug.
    ///
    /// # Errors
    /// Fails if the text breaks [`Slug::RULE`].
    pub fn parse(text: String) -> Result<Self, TextError> {
        let fits = has_slug_characters(&text) && id(&text).is_none();
        if fits { Ok(Self(text)) } else { Err(TextError) }
    }

    /// Makes a slug from a title: its letters and digits in ASCII, with a hyphen in place of all other characters
    /// between them. Returns `None` for a title without letters and digits.
    pub fn from_title(title: &Title) -> Option<Self> {
        let text = deunicode_with_tofu(title.as_str(), " ");
        let mut slug = String::new();
        for char in text.chars().filter(|char| *char != '\'') {
            if char.is_ascii_alphanumeric() {
                slug.push(char.to_ascii_lowercase());
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        Self::parse(shortened(&slug).to_owned()).ok()
    }

    /// Returns this slug, made from a title, with a number behind it. The first number is not shown.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        if number == SlugNumbers::FIRST { self.clone() } else { Self(format!("{}-{number}", self.0)) }
    }

    /// Returns the slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the slug as an owned string.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl PostName {
    /// Reads a slug that a caller asks for. A post without a slug of its own has its id in its place.
    ///
    /// # Errors
    /// Fails if the text is neither a slug nor an id.
    pub fn from_slug(text: String) -> Result<Self, TextError> {
        match id(&text) {
            Some(id) => Ok(Self::Id(id)),
            None => Slug::parse(text).map(Self::Slug),
        }
    }
}

fn has_slug_characters(text: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=MAX_SLUG_BYTES).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Returns the id that has exactly this text.
fn id(text: &str) -> Option<PostId> {
    text.parse().ok().filter(|id: &PostId| id.to_string() == text)
}

/// Cuts a slug of ASCII to the length of a made one, if possible between two words.
fn shortened(slug: &str) -> &str {
    let slug = slug.trim_end_matches('-');
    if slug.len() <= MAX_MADE_BYTES {
        return slug;
    }
    let cut = &slug[..MAX_MADE_BYTES];
    let ends_a_word = slug[MAX_MADE_BYTES..].starts_with('-');
    let words = cut.rsplit_once('-').map_or(cut, |(words, _)| words);
    if ends_a_word || words.len() < MAX_MADE_BYTES / 2 { cut.trim_end_matches('-') } else { words }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn made(title: &str) -> Option<String> {
        Slug::from_title(&Title::parse(title.to_owned()).unwrap()).map(Slug::into_string)
    }

    /// C59: a slug has 1 to 128 characters of a small set.
    #[test]
    fn given_slug_keeps_its_rule() {
        let longest = "a".repeat(128);
        for good in ["a", "-", "hello-world", "2026", "0123456789abcdef0123456789abcdef", &longest] {
            assert_eq!(Slug::parse(good.into()).unwrap().as_str(), good);
        }
        let id = "01900000-0000-7000-8000-00000000000a";
        for bad in ["", "A", "a b", "a_b", "a.b", "a/b", "\u{e9}", "a\n", &"a".repeat(129), id] {
            assert!(Slug::parse(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn id_in_place_of_a_slug_names_its_post() {
        let id = "01900000-0000-7000-8000-00000000000a";
        assert_eq!(PostName::from_slug(id.into()), Ok(PostName::Id(id.parse().unwrap())));
        assert!(matches!(PostName::from_slug("hello".into()), Ok(PostName::Slug(_))));
        // Another spelling of an id is no slug, and no other spelling is read as an id.
        assert_eq!(PostName::from_slug(id.to_uppercase()), Err(TextError));
    }

    #[test]
    fn titles_of_all_scripts_give_slugs() {
        for (title, slug) in [
            ("Hello", "hello"),
            ("  Hello,   World!  ", "hello-world"),
            ("O'Brien\u{2019}s 100% guide", "obriens-100-guide"),
            ("\u{c9}t\u{e9} \u{e0} la plage", "ete-a-la-plage"),
            ("e\u{301}te\u{301}", "ete"),
            ("Gr\u{fc}\u{df}e", "grusse"),
            ("\u{39a}\u{3b1}\u{3bb}\u{3b7}\u{3bc}\u{3ad}\u{3c1}\u{3b1}", "kalemera"),
            ("\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}", "privet"),
            ("\u{4f60}\u{597d}", "ni-hao"),
            ("\u{1d4d0}\u{1d4ed}\u{1d4ea}", "ada"),
            ("\u{1f980}", "crab"),
            ("C++ & Rust", "c-rust"),
            ("2026", "2026"),
            ("a--b---c", "a-b-c"),
            ("snake_case", "snake-case"),
        ] {
            assert_eq!(made(title).as_deref(), Some(slug), "{title}");
        }
    }

    #[test]
    fn title_without_letters_gives_no_slug() {
        for title in ["!", "\u{2014}", "\u{e000}", "\u{10fffd}", "?!*", "'"] {
            assert_eq!(made(title), None, "{title:?}");
        }
        assert_eq!(made("01900000-0000-7000-8000-00000000000A"), None, "the form of an id is reserved");
    }

    #[test]
    fn long_title_is_cut_between_words() {
        assert_eq!(made(&"a".repeat(128)).unwrap().len(), MAX_MADE_BYTES);
        let words = made(&"words ".repeat(21)).unwrap();
        assert!(words.len() <= MAX_MADE_BYTES && words.ends_with("-words"), "{words}");
        // One character may become many.
        assert!(made(&"\u{fdfa}".repeat(128)).unwrap().len() <= MAX_MADE_BYTES);
    }

    proptest! {
        #[test]
        fn every_title_gives_a_valid_slug(title in any::<String>()) {
            if let Some(slug) = Title::parse(title).ok().as_ref().and_then(Slug::from_title) {
                assert!(Slug::parse(slug.numbered(u32::MAX).into_string()).is_ok());
                assert!(!slug.as_str().starts_with('-') && !slug.as_str().ends_with('-') && !slug.as_str().contains("--"));
            }
        }
    }
}
