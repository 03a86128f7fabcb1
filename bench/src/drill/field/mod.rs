//! Scenarios of the field: callers and attackers as public trouble reports and attacks have shown them.

pub mod guessing;
pub mod two_tabs;
