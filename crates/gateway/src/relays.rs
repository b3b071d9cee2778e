//! Which paths of other endpoints are passed on, and to whom.

use switchback_core::id::Name;

/// Patterns of paths, each with the place of its provider.
#[derive(Debug, Default)]
pub(crate) struct Relays(Vec<(Name, usize)>);

impl Relays {
    pub(crate) fn new(patterns: Vec<(Name, usize)>) -> Self {
        Self(patterns)
    }

    /// The pattern and the provider of a path. A path with two readings is passed on to nobody.
    pub(crate) fn find(&self, path: &str) -> Option<(&Name, usize)> {
        let is_plain = !path.contains("..") && !path.contains('%') && !path.contains("//");
        let mut mine = self.0.iter().filter(|(glob, _)| is_plain && switchback_config::glob::matches(glob, path));
        mine.next().map(|(glob, place)| (glob, *place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_passed_on_and_no_path_with_two_readings() {
        let relays = Relays::new(vec![("/v1/files*".into(), 1), ("/v1/audio/*".into(), 0)]);
        assert_eq!(relays.find("/v1/files/file-1").map(|it| it.1), Some(1));
        assert_eq!(relays.find("/v1/audio/speech").map(|it| it.1), Some(0));
        for path in ["/v1/batches", "/v1/files/../chat/completions", "/v1/files/%2e%2e/x", "/v1/files//x"] {
            assert_eq!(relays.find(path), None, "{path}");
        }
    }
}
