//! Sets of failure classes: what a rung takes, and what a walk has met.

use crate::failure::{CLASSES, FailureClass, Family};

/// A set of classes: what a rung takes, or what a walk has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassSet(u32);

// === impl ClassSet ===

impl ClassSet {
    /// No class.
    pub const EMPTY: ClassSet = ClassSet(0);

    /// What every rung takes when it does not say: technical, output, capability except refusal, business.
    #[must_use]
    pub fn usual() -> Self {
        let usual = [Family::Technical, Family::Output, Family::Capability, Family::Business];
        usual
            .into_iter()
            .fold(Self::EMPTY, |set, family| set.union(Self::of_family(family)))
            .without(FailureClass::Refusal)
    }

    /// Every class.
    #[must_use]
    pub fn all() -> Self {
        CLASSES.iter().fold(Self::EMPTY, |set, row| set.with(row.class))
    }

    /// The classes of a family.
    #[must_use]
    pub fn of_family(family: Family) -> Self {
        CLASSES.iter().filter(|row| row.family == family).fold(Self::EMPTY, |set, row| set.with(row.class))
    }

    /// With this class too.
    #[must_use]
    pub const fn with(self, class: FailureClass) -> Self {
        ClassSet(self.0 | 1 << class as u8)
    }

    /// Without this class.
    #[must_use]
    pub const fn without(self, class: FailureClass) -> Self {
        ClassSet(self.0 & !(1 << class as u8))
    }

    /// Both together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        ClassSet(self.0 | other.0)
    }

    /// Whether the class is in the set.
    #[must_use]
    pub const fn has(self, class: FailureClass) -> bool {
        self.0 & 1 << class as u8 != 0
    }

    /// Whether the sets share a class.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is no class in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The classes, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = FailureClass> {
        CLASSES.iter().map(|row| row.class).filter(move |class| self.has(*class))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_does_not_take_refusals_or_policy_unless_told() {
        let usual = ClassSet::usual();
        assert!(usual.has(FailureClass::Timeout) && usual.has(FailureClass::Deadline));
        assert!(!usual.has(FailureClass::Refusal));
        assert!(!usual.has(FailureClass::PolicyBlocked));
        assert!(!usual.has(FailureClass::InvalidRequest));
    }
}
