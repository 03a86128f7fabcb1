//! Audiences: a token names the services that accept it, and each service accepts only its own audience (RFC 8725
//! §3.9).

/// Longest audience, in bytes.
const MAX_BYTES: usize = 256;

/// Maximum number of audiences, and of their bytes together: a token lists them all and has at most 4 KiB.
const MAX_COUNT: usize = 8;
const MAX_TOTAL: usize = 512;

/// Audiences of issued tokens, and the audience that this service's own calls require.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audiences {
    default: Vec<String>,
    own: String,
}

impl Audiences {
    /// Rule for the configured audiences.
    pub const RULE: &'static str = "must be 1 to 8 different audiences of 1 to 256 bytes, 512 bytes together, with no \
                                    comma and no blank";

    /// Reads the default audiences, and this service's own audience, which defaults to the first of them. All must
    /// fulfill [`Audiences::RULE`].
    pub fn new(default: Vec<String>, own: Option<String>) -> Option<Self> {
        let own = own.or_else(|| default.first().cloned())?;
        let audiences = Self { default, own };
        let fits = |text: &str| (1..=MAX_BYTES).contains(&text.len()) && !text.contains([' ', ',']);
        let all: Vec<&str> = audiences.all().collect();
        let is_good = all.iter().all(|text| fits(text)) && all.len() <= MAX_COUNT && !audiences.default.is_empty();
        let is_short = all.len() == 1 || all.iter().map(|text| text.len()).sum::<usize>() <= MAX_TOTAL;
        (is_good && is_short && is_distinct(&audiences.default)).then_some(audiences)
    }

    /// Returns the audiences of a token without requested ones.
    pub fn default(&self) -> &[String] {
        &self.default
    }

    /// Returns the audience that this service's own calls require.
    pub fn own(&self) -> &str {
        &self.own
    }

    /// Returns every audience that a token may name, including this service's own one.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let own = Some(&self.own).filter(|own| !self.default.contains(own));
        self.default.iter().chain(own).map(String::as_str)
    }

    /// Returns the audiences of a token that requests `wanted`; an empty list stands for the default.
    ///
    /// # Errors
    /// The index of the first audience that is unknown or a duplicate.
    pub fn choose(&self, wanted: Vec<String>) -> Result<Vec<String>, usize> {
        if wanted.is_empty() {
            return Ok(self.default.clone());
        }
        let is_bad = |(place, text): (usize, &String)| {
            !self.all().any(|known| known == text) || wanted.iter().take(place).any(|earlier| earlier == text)
        };
        match wanted.iter().enumerate().position(is_bad) {
            Some(place) => Err(place),
            None => Ok(wanted),
        }
    }

    /// Returns true if this service issues tokens with these audiences.
    pub fn issues(&self, audiences: &[String]) -> bool {
        !audiences.is_empty() && audiences.iter().all(|text| self.all().any(|known| known == text))
    }
}

fn is_distinct(texts: &[String]) -> bool {
    texts.iter().enumerate().all(|(place, text)| !texts.iter().take(place).any(|earlier| earlier == text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    fn audiences(default: &[&str], own: Option<&str>) -> Option<Audiences> {
        Audiences::new(texts(default), own.map(str::to_owned))
    }

    #[test]
    fn own_audience_is_the_first_unless_it_is_given() {
        assert_eq!(audiences(&["a", "b"], None).unwrap().own(), "a");
        let apart = audiences(&["a", "b"], Some("auth")).unwrap();
        assert_eq!((apart.own(), apart.all().collect::<Vec<_>>()), ("auth", vec!["a", "b", "auth"]));
        assert_eq!(audiences(&["a", "b"], Some("b")).unwrap().all().count(), 2);
    }

    #[test]
    fn audiences_against_the_rule_are_refused() {
        let long = "a".repeat(257);
        let half = ["a".repeat(256), "b".repeat(256), "c".to_owned()];
        let half: Vec<&str> = half.iter().map(String::as_str).collect();
        for bad in [&[][..], &[""], &["a", ""], &["a", "a"], &["a b"], &["a,b"], &[&long], &half, &["a"; 9]] {
            assert_eq!(audiences(bad, None), None, "{bad:?}");
        }
        assert!(audiences(&half[..2], None).is_some());
        assert_eq!(audiences(&["a"], Some("")), None);
    }

    #[test]
    fn only_known_audiences_can_be_requested() {
        let audiences = audiences(&["a", "b"], Some("auth")).unwrap();
        assert_eq!(audiences.choose(vec![]), Ok(texts(&["a", "b"])));
        assert_eq!(audiences.choose(texts(&["auth"])), Ok(texts(&["auth"])));
        assert_eq!(audiences.choose(texts(&["a", "c"])), Err(1));
        assert_eq!(audiences.choose(texts(&["b", "a", "b"])), Err(2));
        assert!(audiences.issues(&texts(&["a", "auth"])) && !audiences.issues(&texts(&["a", "c"])));
        assert!(!audiences.issues(&[]));
    }
}
