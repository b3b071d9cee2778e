//! Switchback: core.
