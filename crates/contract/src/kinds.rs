//! A set of JSON's types: what a schema allows at a place. Not the type of a value, which is [`serde_json`]'s own.

/// Any of JSON's types, and whole numbers as one of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

// === impl Kinds ===

impl Kinds {
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOL: Self = Self(2);
    /// Whole numbers.
    pub(crate) const WHOLE: Self = Self(4);
    /// Numbers that are not whole; a schema that allows them allows the whole ones too.
    pub(crate) const NUMBER: Self = Self(8);
    pub(crate) const TEXT: Self = Self(16);
    pub(crate) const LIST: Self = Self(32);
    pub(crate) const OBJECT: Self = Self(64);

    /// Whether the type is in it.
    pub(crate) const fn has(self, kind: Self) -> bool {
        self.0 & kind.0 != 0
    }

    /// Whether the type is the only one in it, `null` aside.
    pub(crate) const fn is_only(self, kind: Self) -> bool {
        self.0 & !Self::NULL.0 == kind.0
    }

    /// What is in both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in either.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
