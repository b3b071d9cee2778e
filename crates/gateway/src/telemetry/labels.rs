//! Label sets of metrics: fixed names, shared values, compared by their values.

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

impl<const N: usize> EncodeLabelSet for Labels<N> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, value) in self.names.iter().zip(&self.values) {
            (*name, &**value).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}
