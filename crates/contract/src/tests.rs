//! What users of the crate would notice: exported schemas work, hostile ones cost nothing, broken answers are named and,
//! where that is safe, repaired.

mod bombs;
mod breaking;
mod exports;
mod judging;
mod mending;
mod repair;
mod strict;
