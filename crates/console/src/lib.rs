//! The dashboard: pages, charts and live fragments, rendered on the server.
//!
//! Pure: a view goes in, HTML comes out. It reads no clock, opens no socket and knows no web framework: the gateway
//! fills the views from its state and from decision records, and serves what is returned here. Every page is complete
//! without JavaScript; the one small [script](Asset::Script) of ours only replaces the live region by the same HTML,
//! rendered again. Text of callers, operators and providers is always escaped, never markup; no page loads anything
//! from outside, and none carries an inline script or style, so that [`CSP`] can forbid both.

mod act;
mod asset;
mod chart;
mod frame;
mod missing;
mod now;
mod query;
mod requests;
mod routes;
mod story;
mod trail;
mod words;

#[cfg(test)]
mod tests;

pub use act::{Act, ActView, Friction, Preview, act};
pub use asset::{Asset, CSP, SCRIPT, STYLE, asset_path};
pub use frame::{Frame, Override};
pub use missing::{SignInView, not_found, sign_in};
pub use now::{About, AddedWait, Cost, Minute, NowView, Outcomes, Problem, Reload, TaskRow, now, now_live};
pub use query::Filter;
pub use requests::{Choices, Listed, RequestsView, requests, requests_live};
pub use routes::{BucketRow, Call, RetryBudget, RouteCard, RouteState, RoutesView, Use, routes, routes_live};
pub use story::{StoryView, story};
