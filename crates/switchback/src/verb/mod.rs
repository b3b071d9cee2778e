//! The verbs, one file each.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod help;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod reload;
pub(crate) mod routes;
pub(crate) mod serve;
pub(crate) mod sim;
pub(crate) mod status;
pub(crate) mod tail;
pub(crate) mod test;
