//! The page of metrics as a scraper reads it.

use std::collections::BTreeMap;

use super::{Gateway, send};

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// Without the prefix `switchback_`.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// Everything that is on the page.
#[derive(Debug)]
pub(crate) struct Metrics(pub(crate) Vec<Sample>);

impl Metrics {
    pub(crate) async fn of(gateway: &Gateway) -> Metrics {
        let seen = send(gateway.admin, "GET", "/metrics", &[], "").await;
        assert_eq!(seen.status, 200, "{seen:?}");
        assert!(seen.body.ends_with("# EOF\n"), "{}", seen.body);
        Metrics(seen.body.lines().filter(|line| !line.starts_with('#')).map(sample).collect())
    }

    /// The sum of a family over all samples that carry these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let carries =
            |it: &&Sample| labels.iter().all(|(key, value)| it.labels.get(*key).is_some_and(|it| it == value));
        self.0.iter().filter(|it| it.name == name).filter(carries).map(|it| it.value).sum()
    }
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.trim_end_matches('}').split("\",").filter(|it| !it.is_empty());
    let pair = |it: &str| {
        let (key, value) = it.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
        (key.to_owned(), value.trim_end_matches('"').to_owned())
    };
    Sample {
        name: name.strip_prefix("switchback_").unwrap_or_else(|| panic!("{line}")).to_owned(),
        labels: labels.map(pair).collect(),
        value: value.parse().unwrap_or_else(|error| panic!("{error} in {line}")),
    }
}
