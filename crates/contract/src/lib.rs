//! Switchback: contract.
