//! `require`: what a task demands of every call, together with what the defaults demand.

use switchback_core::id::Name;
use switchback_core::policy::Require;

use crate::codes;
use crate::diagnostic::{Diagnostic, Report, listed};
use crate::raw::tree::At;

/// Both demands as one: neither loosens the other. Reported where no region satisfies both.
pub(super) fn together(
    task: &str,
    own: Option<&At<Require>>,
    usual: Option<&At<Require>>,
    report: &mut Report<'_>,
) -> Require {
    let (own, usual) = match (own, usual) {
        // What the task takes from the defaults is the same demand.
        (Some(own), Some(usual)) if own.span != usual.span => (own, usual),
        (Some(one), _) | (None, Some(one)) => return one.value.clone(),
        (None, None) => return Require::default(),
    };
    let mut tags = own.value.tags.clone();
    for tag in &usual.value.tags {
        if !tags.contains(tag) {
            tags.push(Name::clone(tag));
        }
    }
    let region = common(&own.value.region, &usual.value.region);
    if region.is_empty() && !own.value.region.is_empty() && !usual.value.region.is_empty() {
        let names = |it: &[Name]| listed(it.iter().map(|it| &**it));
        report.add(
            Diagnostic::error(
                codes::REQUIRE_NOBODY,
                &own.span,
                format!("{task}: no region satisfies this and the `require` of [defaults]"),
            )
            .label(format!("{} here, {} in [defaults]", names(&own.value.region), names(&usual.value.region)))
            .effect("Both hold together, so every request would fail as no_compliant_route.")
            .fix("take region out of one of the two, or name a region in both"),
        );
    }
    Require { region, tags }
}

/// The regions that satisfy both lists. An empty list is any region; `eu` takes in `eu-west`, so of two of which one
/// takes in the other the narrower one is common to both, and no others are.
fn common(one: &[Name], other: &[Name]) -> Vec<Name> {
    if one.is_empty() || other.is_empty() {
        return if one.is_empty() { other.to_vec() } else { one.to_vec() };
    }
    let takes_in = |wide: &str, narrow: &str| {
        narrow.strip_prefix(wide).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let mut both: Vec<Name> = Vec::new();
    for (a, b) in one.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
        let narrow = if takes_in(a, b) {
            b
        } else if takes_in(b, a) {
            a
        } else {
            continue;
        };
        if !both.contains(narrow) {
            both.push(Name::clone(narrow));
        }
    }
    both
}
