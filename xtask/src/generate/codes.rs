//! `docs/codes.md`: every code of a diagnostic, as `switchback help SBnnn` tells it.

use std::fmt::Write as _;

use switchback_config::CODES;

const OPENING: &str = "\
# Codes of diagnostics

`switchback check` gives every finding a stable code; `switchback help SB204` says offline what stands here. SB1xx: reading
the file. SB2xx: ladders that cannot do what they seem to. SB3xx: secrets and files. SB4xx: the network. `SB001` means that
the file itself cannot be read. A code keeps its meaning; a retired one is not used again.

";

pub(super) fn page() -> String {
    let mut page = OPENING.to_owned();
    for (code, title, help) in CODES {
        // Writing to a string cannot fail.
        let _ = write!(page, "## {code}: {title}\n\n{help}\n\n");
    }
    page
}
