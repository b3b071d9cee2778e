//! The binary as its users meet it: the real process, a simulated provider, and nothing but TCP between them.
//!
//! One file per promise. Clients and the recording provider are written here, so that no library can be kinder than the
//! network. No test depends on a port or a file of another one.

#[cfg(test)]
mod kit;

#[cfg(test)]
mod acts;
#[cfg(test)]
mod aliases;
#[cfg(test)]
mod breaker_acts;
#[cfg(test)]
mod browsers;
#[cfg(test)]
mod checking;
#[cfg(test)]
mod counting;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod deployments;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod explaining;
#[cfg(test)]
mod following;
#[cfg(test)]
mod forwarding;
#[cfg(test)]
mod hanging_up;
#[cfg(test)]
mod initial;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod logging;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod mending;
#[cfg(test)]
mod native_schemas;
#[cfg(test)]
mod paying;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod probes;
#[cfg(test)]
mod proving;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod rehearsing;
#[cfg(test)]
mod relaying;
#[cfg(test)]
mod reloading;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod route_acts;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod rung_parameters;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod spending;
#[cfg(test)]
mod stars;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod storms;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod tailing;
