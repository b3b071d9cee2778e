//! Where a provider is: scheme, host, port and base path, taken apart once when the configuration is loaded.
//!
//! Never built from anything a caller sends, and never holds a secret: an address with user information, a query or a
//! fragment is refused, because those are where keys end up.

use std::net::Ipv6Addr;

use http::Uri;
use http::uri::Scheme;
use rustls_pki_types::ServerName;

/// The address of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    encrypted: bool,
    /// Lower case; an IPv6 address without its brackets.
    host: String,
    port: u16,
    base_path: String,
}

/// What keeps a text from being a base URL. The text itself is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It cannot be read as a URL.
    #[error("is not a URL; write it like https://api.example.com/v1")]
    Malformed,
    /// It is neither http nor https.
    #[error("has no scheme that can be called; begin it with https:// or http://")]
    Scheme,
    /// It has a user name or a password.
    #[error("has a user name or password in it; put keys under `keys` instead")]
    UserInfo,
    /// It has a query or a fragment.
    #[error("has a query or a fragment; end it with the path")]
    Query,
    /// The host is no name and no IP address.
    #[error("has no host name or IP address that can be looked up")]
    Host,
    /// The port is not between 1 and 65535.
    #[error("has a port that is not between 1 and 65535")]
    Port,
}

// === impl Endpoint ===

impl Endpoint {
    /// Takes a base URL apart, such as `https://api.example.com/v1`.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL, in words that complete "the base URL …".
    pub fn parse(base_url: &str) -> Result<Self, EndpointError> {
        if base_url.contains(['#', '?']) {
            return Err(EndpointError::Query);
        }
        let uri = base_url.parse::<Uri>().map_err(|_| EndpointError::Malformed)?;
        let encrypted = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(EndpointError::Scheme),
        };
        let authority = uri.authority().ok_or(EndpointError::Host)?;
        if authority.as_str().contains('@') {
            return Err(EndpointError::UserInfo);
        }
        let host = host(authority.host()).ok_or(EndpointError::Host)?;
        // http::Uri takes a port it cannot read for none, so it is read here.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") if encrypted => 443,
            Some("") => 80,
            rest => rest.and_then(port).ok_or(EndpointError::Port)?,
        };
        let base_path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { encrypted, host, port, base_path })
    }

    /// Whether it is called over TLS.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The name or address to connect to; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path before every request path: empty, or with a leading and without a trailing slash.
    #[must_use]
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// The value of the `Host` header: the port is left out where it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.encrypted, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

fn port(rest: &str) -> Option<u16> {
    let digits = rest.strip_prefix(':').filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().filter(|port| *port > 0)
}

/// The host as it is dialled. A name that TLS could not check is none, also where TLS is not used.
fn host(written: &str) -> Option<String> {
    if let Some(inner) = written.strip_prefix('[') {
        let address = inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?;
        return Some(address.to_string());
    }
    let host = written.to_ascii_lowercase();
    ServerName::try_from(host.as_str()).ok()?;
    Some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_taken_apart() {
        let it = Endpoint::parse("https://API.Example.com/v1/").unwrap();
        assert_eq!((it.is_encrypted(), it.host(), it.port(), it.base_path()), (true, "api.example.com", 443, "/v1"));
        assert_eq!(it.authority(), "api.example.com");
        let it = Endpoint::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!((it.is_encrypted(), it.host(), it.port(), it.base_path()), (false, "127.0.0.1", 8080, ""));
        assert_eq!(it.authority(), "127.0.0.1:8080");
        let it = Endpoint::parse("http://[::1]:80/a/b").unwrap();
        assert_eq!((it.host(), it.authority().as_str(), it.base_path()), ("::1", "[::1]", "/a/b"));
    }

    #[test]
    fn what_could_hide_a_key_or_another_host_is_refused() {
        let refused = [
            ("https://user:secret@example.com", EndpointError::UserInfo),
            ("https://example.com@evil.example", EndpointError::UserInfo),
            ("https://example.com/v1?key=secret", EndpointError::Query),
            ("https://example.com/v1#x", EndpointError::Query),
            ("ftp://example.com", EndpointError::Scheme),
            ("example.com", EndpointError::Scheme),
            ("/v1", EndpointError::Scheme),
            ("https://", EndpointError::Malformed),
            ("https://exa mple.com", EndpointError::Malformed),
            ("https://[::1", EndpointError::Malformed),
            ("https://-.example%2f", EndpointError::Malformed),
            ("https://a..b/", EndpointError::Host),
            ("https://example.com:0/", EndpointError::Port),
            ("https://example.com:/", EndpointError::Port),
            ("https://example.com:99999/", EndpointError::Port),
            ("https://example.com:+80/", EndpointError::Port),
        ];
        for (text, error) in refused {
            assert_eq!(Endpoint::parse(text), Err(error), "{text}");
            assert!(!error.to_string().contains("secret"));
        }
        for text in ["https://ex\u{e4}mple.com", ""] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }
}
