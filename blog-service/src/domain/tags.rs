//! Tags of posts, in their canonical form.

use kit::characters::{breaks_the_line, is_invisible};
use unicode_normalization::UnicodeNormalization as _;

use super::TextError;

/// Largest number of tags of a post.
const MAX_TAGS: usize = 16;

/// Longest tag, in code points of its canonical form.
const MAX_TAG_CHARS: usize = 64;

/// Longest text that is read as a tag, in bytes. Its canonical form may be shorter.
const MAX_TEXT_BYTES: usize = 1024;

/// A tag in its canonical form: lower case, NFC, without blanks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// Tags of a post, in the order of the author and without duplicates. The text has a blank between two tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(String);

/// A tag with the number of published posts that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagCount {
    /// The tag.
    pub tag: Tag,
    /// Number of published posts.
    pub posts: u64,
}

impl Tag {
    /// Rule of a tag, as error messages show it.
    pub const RULE: &'static str =
        "must have 1 to 64 characters, none of them a comma, quotation mark, backslash, control or invisible character";

    /// Reads a tag and returns its canonical form: NFC, lower case, a hyphen in place of blanks inside.
    ///
    /// # Errors
    /// Fails if the text breaks [`Tag::RULE`].
    pub fn parse(text: &str) -> Result<Self, TextError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(TextError);
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        // The lower case of an NFC text may be no NFC.
        let tag: String = words.join("-").nfc().collect::<String>().to_lowercase().nfc().collect();
        let is_bad = |char: char| {
            char.is_whitespace() || breaks_the_line(char) || is_invisible(char) || matches!(char, ',' | '"' | '\\')
        };
        let fits = (1..=MAX_TAG_CHARS).contains(&tag.chars().count()) && !text.chars().any(breaks_the_line);
        if fits && !tag.chars().any(is_bad) { Ok(Self(tag)) } else { Err(TextError) }
    }

    /// Accepts a tag of the database or of a page token.
    pub fn from_stored(tag: String) -> Self {
        Self(tag)
    }

    /// Returns the tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tags {
    /// Rule of the tags of a post, as error messages show it.
    pub const RULE: &'static str = "must be at most 16 tags";

    /// Joins tags. A duplicate is left out.
    ///
    /// # Errors
    /// Fails if there are more than 16 different tags.
    pub fn join(tags: &[Tag]) -> Result<Self, TextError> {
        let mut kept: Vec<&str> = Vec::new();
        for Tag(tag) in tags {
            if !kept.contains(&tag.as_str()) {
                kept.push(tag);
            }
            if kept.len() > MAX_TAGS {
                return Err(TextError);
            }
        }
        Ok(Self(kept.join(" ")))
    }

    /// Accepts the tags of a row.
    pub fn from_stored(tags: String) -> Self {
        Self(tags)
    }

    /// Returns the tags as they are stored, with a blank between two of them.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns each tag.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|tag| !tag.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn tag_has_one_canonical_form() {
        for (text, wanted) in [
            ("Rust", "rust"),
            ("  Hello \t World ", "hello-world"),
            ("\u{c9}t\u{e9}", "\u{e9}t\u{e9}"),
            ("E\u{301}te\u{301}", "\u{e9}t\u{e9}"),
            ("C++", "c++"),
            ("C#", "c#"),
            (".NET", ".net"),
            ("\u{130}", "i\u{307}"),
            ("\u{1f980}", "\u{1f980}"),
        ] {
            // A tab breaks the line.
            let text = text.replace('\t', " ");
            assert_eq!(Tag::parse(&text).unwrap().as_str(), wanted, "{text}");
        }
        let longest = "\u{e9}".repeat(64);
        assert!(Tag::parse(&longest).is_ok());
        let many = format!("{longest}e");
        for bad in ["", " ", "a,b", "a\"b", "a\\b", "a\nb", "a\u{200b}b", "\0", "\u{202e}a", &many, &" ".repeat(2000)] {
            assert_eq!(Tag::parse(bad), Err(TextError), "{bad:?}");
        }
    }

    /// C59: a post has at most 16 tags.
    #[test]
    fn tags_keep_their_order_and_lose_duplicates() {
        let tag = |text: &str| Tag::parse(text).unwrap();
        let tags = Tags::join(&[tag("b"), tag("A"), tag("a"), tag("B")]).unwrap();
        assert_eq!((tags.as_str(), tags.iter().collect::<Vec<_>>()), ("b a", vec!["b", "a"]));
        assert_eq!(Tags::default().iter().count(), 0);
        let mut many: Vec<Tag> = (0..16).map(|number| tag(&number.to_string())).collect();
        many.push(tag("0"));
        assert!(Tags::join(&many).is_ok(), "a duplicate does not count");
        many.push(tag("17"));
        assert_eq!(Tags::join(&many), Err(TextError));
    }

    #[test]
    fn canonical_form_of_any_character_is_stable() {
        let changes = |char: &char| char.to_lowercase().ne([*char]) || [*char].into_iter().nfc().ne([*char]);
        for char in ('\0'..=char::MAX).filter(changes) {
            for text in [format!("{char}"), format!("A{char}"), format!("{char}\u{301}a")] {
                if let Ok(tag) = Tag::parse(&text) {
                    assert_eq!(Tag::parse(tag.as_str()), Ok(tag), "{text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn canonical_tag_is_its_own_canonical_form(text in any::<String>()) {
            if let Ok(tag) = Tag::parse(&text) {
                assert!(!tag.as_str().contains([' ', '"', '\\', ',']));
                assert_eq!(Tag::parse(tag.as_str()), Ok(tag.clone()));
            }
        }
    }
}
