//! Which provider of the catalogue an upstream is, by the host that is called; and what a first configuration wants to
//! know of each.
//!
//! A name in a configuration proves nothing: `openai` may be somebody's proxy with prices of its own. The host decides.

use super::body;
use crate::dialect::Api;

const PROVIDERS: &str = include_str!("../../data/providers.txt");

/// Ends of the names of variables that hold a bearer key.
const KEY_ENDS: [&str; 3] = ["_API_KEY", "_TOKEN", "_PAT"];

/// A provider of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// Its name there.
    pub name: &'static str,
    /// Where it answers, if that is the same for every account. Which dialects it speaks there is not said.
    pub base_url: Option<&'static str>,
    hosts: &'static str,
    variables: &'static str,
}

// === impl Provider ===

impl Provider {
    fn read(line: &'static str) -> Option<Self> {
        let mut cells = line.split('\t').map(|it| if it == "-" { "" } else { it });
        let name = cells.next()?;
        let base_url = cells.next().filter(|it| !it.is_empty() && !it.contains("${"));
        Some(Self { name, base_url, hosts: cells.next()?, variables: cells.next()? })
    }

    /// Every environment variable that the provider's clients read, accounts and regions among them.
    pub fn variables(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.variables.split_whitespace()
    }

    /// Those that hold a key which is sent as it is; none where requests are signed instead.
    pub fn key_variables(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.variables().filter(|it| KEY_ENDS.iter().any(|end| it.ends_with(end)))
    }

    fn answers_at(&self, host: &str) -> bool {
        self.hosts.split_whitespace().any(|it| fits(it, host))
    }
}

/// Every provider of the catalogue, by name.
pub fn providers() -> impl Iterator<Item = Provider> {
    body(PROVIDERS).lines().filter_map(Provider::read)
}

/// The provider of this name in the catalogue.
#[must_use]
pub fn provider(name: &str) -> Option<Provider> {
    providers().find(|it| it.name == name)
}

/// The name in the catalogue of a configured provider: of the one at whose host its base URL points. An empty base URL is
/// the default of its `api`. Of several at one host the one that has the configured name, else the first.
///
/// `None` for every other host, whatever the provider is called: a server of one's own or a proxy has limits and prices
/// that the catalogue does not know.
#[must_use]
pub fn provider_of(api: Api, name: &str, base_url: &str) -> Option<&'static str> {
    let url = if base_url.is_empty() { api.base_url()? } else { base_url };
    let host = host(url)?.to_ascii_lowercase();
    let there = || providers().filter(|it| it.answers_at(&host));
    there().find(|it| it.name == name).or_else(|| there().next()).map(|it| it.name)
}

/// The host of a URL, without user, port, or the root's dot.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let place = authority.rsplit('@').next()?;
    let host = place.split(':').next()?;
    Some(host.strip_suffix('.').unwrap_or(host))
}

/// Whether a host fits a pattern with at most one `*`, which is at least one letter.
fn fits(pattern: &str, host: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == host,
        Some((before, after)) => {
            let middle = host.strip_prefix(before).and_then(|it| it.strip_suffix(after));
            middle.is_some_and(|it| !it.is_empty())
        }
    }
}
