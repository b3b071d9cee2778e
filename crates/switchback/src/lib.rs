//! Switchback: facade.
