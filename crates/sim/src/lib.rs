//! Switchback: sim.
