//! Which web page sends this request? A browser tells by `Host` and `Origin`, and both sides ask the same way.
//!
//! Whoever listens on loopback only is still reached by every page that a browser on this machine shows: directly, or
//! under a name that the page's owner has pointed at a loopback address (DNS rebinding). Knows nothing of credentials:
//! whether one makes these questions needless is for the caller to say.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;
use http::header::{AsHeaderName, HOST, ORIGIN};

/// The value of a header, if it is text.
pub(crate) fn text<N: AsHeaderName>(headers: &HeaderMap, name: N) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Whether `Host` is an address or `localhost`, which nobody can point elsewhere. A request without `Host` comes from
/// no browser.
pub(crate) fn is_own_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else { return true };
    // Two have two readings.
    let (Ok(host), None) = (host.to_str(), hosts.next()) else { return false };
    if let Some((inside, _port)) = host.strip_prefix('[').and_then(|it| it.split_once(']')) {
        return inside.parse::<Ipv6Addr>().is_ok();
    }
    let name = host.split_once(':').map_or(host, |(name, _port)| name);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Whether a page of another host sends this. A request without `Origin` is not sent by a page's script.
pub(crate) fn is_foreign_page(headers: &HeaderMap) -> bool {
    if !headers.contains_key(ORIGIN) {
        return false;
    }
    let page = text(headers, ORIGIN).and_then(|it| it.split_once("://")).map(|(_, host)| host);
    page.is_none() || page != text(headers, HOST)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn only_addresses_and_localhost_are_our_own_host() {
        for own in ["localhost", "LocalHost:4000", "127.0.0.1", "10.1.2.3:4001", "[::1]", "[::1]:4001"] {
            assert!(is_own_host(&headers(&[("host", own)])), "{own}");
        }
        for foreign in ["evil.example", "localhost.evil.example:4001", "127.0.0.1.evil.example", "[evil]", "", "::1"] {
            assert!(!is_own_host(&headers(&[("host", foreign)])), "{foreign}");
        }
        assert!(is_own_host(&HeaderMap::new()));
    }

    #[test]
    fn a_page_is_foreign_unless_it_is_of_the_host_that_is_asked() {
        let page = |origin| is_foreign_page(&headers(&[("host", "127.0.0.1:4000"), ("origin", origin)]));
        assert!(!page("http://127.0.0.1:4000"));
        for foreign in ["http://127.0.0.1:3000", "http://evil.example", "null", "", "127.0.0.1:4000"] {
            assert!(page(foreign), "{foreign}");
        }
        assert!(!is_foreign_page(&headers(&[("host", "127.0.0.1:4000")])));
        assert!(is_foreign_page(&headers(&[("origin", "http://127.0.0.1:4000")])));
    }
}
