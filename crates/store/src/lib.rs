//! Switchback: store.
