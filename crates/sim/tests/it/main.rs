//! What a caller of the simulator sees on the wire, through nothing but TCP.
//!
//! One file per promise; the client is written here so that no library can be kinder than the network.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod anthropic;
#[cfg(test)]
mod anthropic_faults;
#[cfg(test)]
mod anthropic_refusals;
#[cfg(test)]
mod client;
#[cfg(test)]
mod control;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod hanging_up;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod message;
