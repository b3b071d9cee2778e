//! Switchback: wire.
