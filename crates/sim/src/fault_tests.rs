//! The names of faults: one table, no doubles, and help for slips of the pen.

use super::*;

#[test]
fn every_name_and_alias_names_exactly_one_fault() {
    let mut seen = std::collections::HashMap::new();
    for row in Fault::TABLE {
        for name in std::iter::once(&row.name).chain(row.aliases) {
            assert_eq!(name.parse::<Fault>().unwrap(), row.fault, "{name}");
            assert_eq!(seen.insert(plain(name), row.fault), None, "{name} stands twice in the table");
        }
        assert_eq!(row.fault.name(), row.name);
    }
}

#[test]
fn a_misspelt_fault_is_answered_with_the_nearest_and_with_all() {
    let error = "malformd-chunk".parse::<Fault>().unwrap_err();
    assert_eq!(error.nearest.first(), Some(&"malformed-chunk"));
    let text = error.to_string();
    assert!(text.contains("did you mean malformed-chunk"), "{text}");
    assert!(text.contains("429-retry-after-long"), "{text}");
    assert_eq!("xyzzyxyzzy".parse::<Fault>().unwrap_err().nearest, Vec::<&str>::new());
}

#[test]
fn a_model_name_carries_its_fault_after_the_last_plus() {
    assert_eq!(Fault::of_model("gpt-sim"), Ok(None));
    assert_eq!(Fault::of_model("command-r+"), Ok(None));
    assert_eq!(Fault::of_model("gpt-sim+server_error"), Ok(Some(Fault::ServerError)));
    assert_eq!(Fault::of_model("command-r++429-retry-after"), Ok(Some(Fault::RateLimitedShort)));
    assert!(Fault::of_model("gpt-sim+nonsense").is_err());
}
