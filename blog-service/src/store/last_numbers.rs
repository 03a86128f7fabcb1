//! The last numbers of slugs that this process gave to posts. With them, posts with one title need no search.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use quick_cache::sync::Cache;

use crate::domain::{Slug, SlugNumbers};

/// Number of slugs whose last number is kept. A forgotten number costs a search.
const MAX_SLUGS: usize = 1_024;

/// The last number of each of at most 1,024 slugs. Calls at once get different numbers.
#[derive(Clone)]
pub(super) struct LastNumbers(Arc<Cache<Slug, Arc<AtomicU32>>>);

impl Default for LastNumbers {
    fn default() -> Self {
        Self(Arc::new(Cache::new(MAX_SLUGS)))
    }
}

impl fmt::Debug for LastNumbers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LastNumbers").field("slugs", &self.0.len()).finish()
    }
}

impl LastNumbers {
    /// Takes the next number of a slug: the first number if no last one is kept. Returns `None` if no number is left.
    pub(super) fn next(&self, base: &Slug) -> Option<u32> {
        self.0.get(base).map_or(Some(SlugNumbers::FIRST), |last| number_after(&last))
    }

    /// Takes the next number of a slug that is at least this number. Returns `None` if no number is left.
    pub(super) fn next_from(&self, base: &Slug, lowest: u32) -> Option<u32> {
        let first = || Ok::<_, Infallible>(Arc::new(AtomicU32::new(SlugNumbers::FIRST)));
        let Ok(last) = self.0.get_or_insert_with(base, first);
        last.fetch_max(lowest.min(SlugNumbers::MAX + 1) - 1, Ordering::Relaxed);
        number_after(&last)
    }

    /// Forgets all numbers, because a deletion has freed some.
    pub(super) fn clear(&self) {
        self.0.clear();
    }
}

/// Takes the number after the last one; `None` if the last one is the highest.
fn number_after(last: &AtomicU32) -> Option<u32> {
    let next = |last| (last < SlugNumbers::MAX).then_some(last + 1);
    last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok().map(|last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(text: &str) -> Slug {
        Slug::parse(text.to_owned()).unwrap()
    }

    #[test]
    fn numbers_rise_from_the_last_one() {
        let numbers = LastNumbers::default();
        assert_eq!([numbers.next(&slug("a")), numbers.next(&slug("a"))], [Some(1), Some(1)], "nothing is kept");
        assert_eq!(numbers.next_from(&slug("a"), 7), Some(7));
        assert_eq!([numbers.next(&slug("a")), numbers.next_from(&slug("a"), 3)], [Some(8), Some(9)]);
        assert_eq!(numbers.next(&slug("b")), Some(1));
        numbers.clear();
        assert_eq!(numbers.next(&slug("a")), Some(1));
    }

    #[test]
    fn no_number_is_above_the_highest_one() {
        let numbers = LastNumbers::default();
        assert_eq!(numbers.next_from(&slug("a"), 65_536), Some(65_536));
        assert_eq!([numbers.next(&slug("a")), numbers.next_from(&slug("a"), 70_000)], [None, None]);
        assert_eq!(numbers.next_from(&slug("b"), u32::MAX), None);
    }

    #[test]
    fn kept_slugs_are_bounded() {
        let numbers = LastNumbers::default();
        for number in 0..3 * MAX_SLUGS {
            numbers.next_from(&slug(&format!("a-{number}")), 2);
        }
        assert!(numbers.0.len() <= MAX_SLUGS);
    }
}
