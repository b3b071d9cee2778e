//! Switchback: gateway.
