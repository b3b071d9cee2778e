//! What a reader of the pages relies on: nothing is markup that should be text, no fact is missing, nothing is made up.

mod facts;
mod hygiene;
mod samples;
mod states;
