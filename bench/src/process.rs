//! What the system says of a process (`/proc`), and on which core it runs. Linux only, like the benchmark.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::failed::Failed;

/// Length of the ticks in which `/proc/PID/stat` counts: `USER_HZ` is 100 on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);
/// Core of the process that is measured.
const TARGET_CORE: &str = "1";
/// Core of the load and of the fake provider.
const LOAD_CORE: &str = "0";

/// CPU time that a process has used by now, in user and system, by all its threads.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration, Failed> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    n_ticks(&stat).map(|it| TICK * it).ok_or_else(|| Failed::new("/proc/PID/stat has a form that is not known"))
}

/// The sum of utime and stime, fields 14 and 15. The second field is a name in brackets and may hold anything.
fn n_ticks(stat: &str) -> Option<u32> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_ascii_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// CPU time once the process has come to rest after a load, so that what it does behind the answers is counted. Waits for
/// 3 s at most.
pub(crate) fn cpu_time_at_rest(pid: u32) -> Result<Duration, Failed> {
    let mut before = cpu_time(pid)?;
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(150));
        let now = cpu_time(pid)?;
        if now <= before + TICK {
            return Ok(now);
        }
        before = now;
    }
    Ok(before)
}

/// Resident memory in MiB: now, and the most there ever was.
pub(crate) fn memory(pid: u32) -> Result<(f64, f64), Failed> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let of = |name: &str| {
        let line = status.lines().find_map(|it| it.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
    };
    of("VmRSS:").zip(of("VmHWM:")).ok_or_else(|| Failed::new("/proc/PID/status has a form that is not known"))
}

/// A command for this program, kept to the core of what is measured.
pub(crate) fn pinned(program: &std::ffi::OsStr, is_pinned: bool) -> Command {
    if !is_pinned {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", TARGET_CORE]).arg(program);
    command
}

/// Keeps this process to the core of the load, so that it takes nothing from what is measured. Must come before any
/// thread is started. Whether it was done: `taskset` and a second core are needed.
pub(crate) fn pin_load() -> bool {
    let pid = std::process::id().to_string();
    let pinned = |core: &str| {
        let mut command = Command::new("taskset");
        command.args(["-p", "-c", core, &pid]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|it| it.success())
    };
    // The other core is tried first: where it is missing, nothing is changed.
    pinned(TARGET_CORE) && pinned(LOAD_CORE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_cannot_disturb_its_times() {
        let stat = "42 (a) R 1 (b) S 1 2 3 4 5 6 7 8 9 10 300 45 0 0 20 0 4 0 1 2";
        assert_eq!(n_ticks(stat), Some(345));
        assert_eq!(n_ticks("42 (cut) S 1 2"), None);
    }

    #[test]
    fn this_process_has_memory_and_its_most_is_not_below_what_it_has() {
        let (now, most) = memory(std::process::id()).unwrap();
        assert!(now > 0.1 && most >= now, "{now} {most}");
    }
}
