//! Label sets of metrics: fixed names, shared values, compared by their values.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use prometheus_client::encoding::{EncodeLabel as _, EncodeLabelSet, LabelSetEncoder};
use switchback_core::id::Name;

/// Values of `N` labels with their names.
#[derive(Debug, Clone)]
pub(super) struct Labels<const N: usize> {
    names: &'static [&'static str; N],
    values: [Name; N],
}

impl<const N: usize> Labels<N> {
    pub(super) const fn new(names: &'static [&'static str; N], values: [Name; N]) -> Self {
        Self { names, values }
    }
}

impl<const N: usize> PartialEq for Labels<N> {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl<const N: usize> Eq for Labels<N> {}

impl<const N: usize> Hash for Labels<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.values.hash(state);
    }
}

/// A value as it may stand between quotes; the library writes it as it is.
fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

impl<const N: usize> EncodeLabelSet for Labels<N> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, value) in self.names.iter().zip(&self.values) {
            (*name, &*escaped(value)).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
        assert_eq!(escaped("openai/gpt-5"), "openai/gpt-5");
    }
}
