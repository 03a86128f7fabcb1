//! Random choices of one step.

/// Dice of a step that have not been rolled yet.
pub struct Dice<const N: usize>(std::array::IntoIter<u8, N>);

impl<const N: usize> Dice<N> {
    /// Takes the dice of a step.
    pub fn new(dice: [u8; N]) -> Self {
        Self(dice.into_iter())
    }

    /// Rolls the next die.
    ///
    /// # Panics
    /// Panics if no die is left: then the step needs more dice.
    #[expect(clippy::expect_used, reason = "a step without dice has to fail its test")]
    pub fn roll(&mut self) -> u8 {
        self.0.next().expect("a step has more dice")
    }

    /// Returns true in one of `sides` rolls on average.
    pub fn one_in(&mut self, sides: u8) -> bool {
        self.roll().is_multiple_of(sides)
    }

    /// Chooses one of these.
    pub fn of<T: Copy>(&mut self, these: &[T]) -> T {
        these[usize::from(self.roll()) % these.len()]
    }
}
