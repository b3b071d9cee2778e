//! The three files that a page loads, and the policy that lets it load nothing else.

use std::sync::LazyLock;

/// The `Content-Security-Policy` of every page: nothing from outside, nothing inline, no framing.
pub const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                       form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The style sheet.
pub const STYLE: &str = include_str!("assets/style.css");

/// The script: live updates, and nothing that a page needs to be read.
pub const SCRIPT: &str = include_str!("assets/live.js");

/// The mark in the browser's tab.
const ICON: &str = include_str!("assets/icon.svg");

/// A file that pages load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asset {
    /// The style sheet.
    Style,
    /// The script.
    Script,
    /// The mark in the browser's tab.
    Icon,
}

static PATHS: LazyLock<[String; 3]> = LazyLock::new(|| {
    let name = |it: Asset, name: &str, end: &str| format!("/assets/{name}-{:016x}.{end}", hash(it.body().as_bytes()));
    [name(Asset::Style, "style", "css"), name(Asset::Script, "live", "js"), name(Asset::Icon, "icon", "svg")]
});

// === impl Asset ===

impl Asset {
    /// Every asset.
    pub const ALL: [Asset; 3] = [Asset::Style, Asset::Script, Asset::Icon];

    /// The asset that is served under this path (the whole path, `/assets/…`).
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| asset_path(*it) == path)
    }

    /// Its text.
    #[must_use]
    pub const fn body(self) -> &'static str {
        match self {
            Asset::Style => STYLE,
            Asset::Script => SCRIPT,
            Asset::Icon => ICON,
        }
    }

    /// Its `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Asset::Style => "text/css; charset=utf-8",
            Asset::Script => "text/javascript; charset=utf-8",
            Asset::Icon => "image/svg+xml",
        }
    }
}

/// Where an asset is served. The path holds a hash of the content, so it can be cached for ever.
#[must_use]
pub fn asset_path(asset: Asset) -> &'static str {
    let [style, script, icon] = &*PATHS;
    match asset {
        Asset::Style => style,
        Asset::Script => script,
        Asset::Icon => icon,
    }
}

/// FNV-1a: it names a version of our own files and guards nothing.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_under_its_path_and_under_no_other() {
        for asset in Asset::ALL {
            assert_eq!(Asset::at(asset_path(asset)), Some(asset));
        }
        assert_eq!(Asset::at("/assets/style.css"), None);
        assert_eq!(Asset::at("/assets/style-0000000000000000.css"), None);
    }

    #[test]
    fn assets_load_nothing_from_outside() {
        for asset in Asset::ALL {
            let body = asset.body().replace("http://www.w3.org/2000/svg", "");
            for outside in ["http:", "https:", "url(//", "@import", "eval("] {
                assert!(!body.contains(outside), "{asset:?} has {outside}");
            }
        }
    }
}
