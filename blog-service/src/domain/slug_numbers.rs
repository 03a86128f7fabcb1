//! Search for a free number behind a slug that is taken: few reads, whatever the number of taken slugs.

/// Largest number of numbers that one read looks up.
const MAX_PROBES: u32 = 16;

/// A search for a free number behind a taken one. The first read tries the powers of two, counted from the taken number,
/// up to [`SlugNumbers::MAX`]. Each further read divides the gap between a taken number and a free one by 17, so five reads
/// find the free number.
#[derive(Clone, Copy, Debug)]
pub struct SlugNumbers {
    /// Highest taken number below the free one.
    taken: u32,
    /// Lowest known free number.
    free: Option<u32>,
}

impl SlugNumbers {
    /// Number of the slug without a number.
    pub const FIRST: u32 = 1;

    /// Highest number that posts get.
    pub const MAX: u32 = 1 << MAX_PROBES;

    /// Begins a search behind this number, which is taken.
    pub const fn after(taken: u32) -> Self {
        Self { taken, free: None }
    }

    /// Returns the next numbers to look up, in ascending order and at most 16. Returns no number at the end of the
    /// search.
    pub fn probes(&self) -> Vec<u32> {
        let Some(free) = self.free else {
            let powers = (1..=MAX_PROBES).map(|power| (self.taken - Self::FIRST + (1 << power)).min(Self::MAX));
            let mut numbers: Vec<u32> = powers.filter(|number| *number > self.taken).collect();
            numbers.dedup();
            return numbers;
        };
        let between = free - self.taken - 1;
        if between <= MAX_PROBES {
            return (self.taken + 1..free).collect();
        }
        (1..=MAX_PROBES).map(|step| self.taken + (free - self.taken) * step / (MAX_PROBES + 1)).collect()
    }

    /// Notes the result of a read of the [`probes`](Self::probes).
    pub fn note(&mut self, is_taken: impl Fn(u32) -> bool) {
        for number in self.probes() {
            if !is_taken(number) {
                self.free = Some(number);
                return;
            }
            self.taken = number;
        }
    }

    /// Returns the free number that was found; `None` if all were taken.
    pub const fn free(&self) -> Option<u32> {
        self.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches while these numbers are taken; returns the number that was found and the number of reads.
    fn search(is_taken: impl Fn(u32) -> bool) -> (Option<u32>, usize) {
        search_after(SlugNumbers::FIRST, is_taken)
    }

    fn search_after(taken: u32, is_taken: impl Fn(u32) -> bool) -> (Option<u32>, usize) {
        let (mut numbers, mut reads) = (SlugNumbers::after(taken), 0);
        while !numbers.probes().is_empty() {
            let probes = numbers.probes();
            assert!(probes.len() <= 16 && probes.is_sorted_by(|one, next| one < next), "{probes:?}");
            numbers.note(&is_taken);
            reads += 1;
            assert!(reads <= 6, "the search has an end");
        }
        (numbers.free(), reads)
    }

    #[test]
    fn next_number_is_found_in_few_reads() {
        assert_eq!(search(|_| false), (Some(2), 1));
        assert_eq!(search(|number| number <= 2), (Some(3), 2));
        for last in (1..2_000).chain([40_000, 65_534, 65_535]) {
            let (found, reads) = search(|number| number <= last);
            assert_eq!(found, Some(last + 1));
            assert!(reads <= 5, "{reads} reads for {last}");
        }
        assert_eq!(search(|_| true), (None, 1), "then the post's id is the slug");
    }

    #[test]
    fn search_behind_a_number_skips_lower_free_ones() {
        assert_eq!(search_after(40, |number| number == 40), (Some(41), 1));
        assert_eq!(search_after(40, |number| (40..=500).contains(&number)).0, Some(501));
        assert_eq!(search_after(65_535, |_| false), (Some(65_536), 1));
        assert_eq!(search_after(65_000, |number| number < 65_536), (Some(65_536), 3), "also the last number is found");
        assert_eq!(search_after(65_536, |_| false).0, None, "no number is above the highest one");
        assert_eq!(search_after(90_000, |_| false).0, None);
    }

    #[test]
    fn number_behind_a_gap_is_free() {
        for modulus in [3, 5, 17] {
            let (found, _) = search(|number| number == 2 || number % modulus == 0);
            assert!(found.is_some_and(|found| found > 2 && found % modulus != 0), "{found:?}");
        }
    }
}
