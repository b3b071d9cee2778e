//! Switchback: config.
