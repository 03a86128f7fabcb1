//! The random choices of one step.

/// The dice of a step that have not been rolled yet.
pub struct Dice<const N: usize>(std::array::IntoIter<u8, N>);

impl<const N: usize> Dice<N> {
    /// Takes the dice of a step.
    pub fn new(dice: [u8; N]) -> Self {
        Self(dice.into_iter())
    }

    /// Rolls the next die.
    ///
    /// # Panics
    /// If there is none: a step has to have more.
    #[expect(clippy::expect_used, reason = "a step without dice has to fail its test")]
    pub fn roll(&mut self) -> u8 {
        self.0.next().expect("a step has more dice")
    }

    /// Returns true once in so many rolls.
    pub fn one_in(&mut self, sides: u8) -> bool {
        self.roll().is_multiple_of(sides)
    }

    /// Chooses one of these.
    pub fn of<T: Copy>(&mut self, these: &[T]) -> T {
        these[usize::from(self.roll()) % these.len()]
    }
}
