//! What the records tell of the last hour, asked once for everybody who looks.
//!
//! Pages that follow share one answer for most of a second, so that the reading thread is asked as often for one
//! follower as for sixty. A page that is opened asks anew: who has just made a request finds it there.

use std::sync::Arc;
use std::time::Duration;

use switchback_core::record::DecisionRecord;
use switchback_core::time::Now;
use switchback_store::{Added, MinuteCount, StoreError, Wanted};
use tokio::sync::Mutex;

use super::super::status::{self, TaskRow};
use super::super::{Admin, Refused};

/// How old an answer may be that followers share.
const FRESH: Duration = Duration::from_millis(900);
/// The same as a multiple of the time that it took: following never keeps the reading thread busy by more than a tenth.
const FRESH_TIMES: u32 = 10;
/// A minute in milliseconds.
pub(super) const MINUTE: u64 = 60_000;
/// The minutes that are told, the one at hand included.
pub(super) const MINUTES: u64 = 60;
/// Added waits are told of this long.
const ADDED_MS: u64 = 5 * MINUTE;
/// Requests that moved.
const MOST_MOVED: usize = 20;

/// The answer at hand.
#[derive(Debug, Default)]
pub(super) struct Lately(Mutex<Option<Answer>>);

#[derive(Debug)]
struct Answer {
    told: Arc<Told>,
    at: Now,
    /// How long the store took.
    took: Duration,
}

/// What the records tell; an error in words where they cannot be read.
pub(super) type Told = Result<Telling, String>;

#[derive(Debug)]
pub(super) struct Telling {
    /// The start of the oldest minute that is told, Unix milliseconds.
    pub(super) from_ms: u64,
    pub(super) tasks: Vec<TaskRow>,
    pub(super) minutes: Vec<MinuteCount>,
    pub(super) added: Option<Added>,
    pub(super) moved: Vec<DecisionRecord>,
}

impl Lately {
    /// What the records tell now, or told a moment ago to another follower.
    pub(super) async fn told(&self, admin: &Admin, anew: bool) -> Arc<Told> {
        let mut kept = self.0.lock().await;
        let began = admin.shared.clock.now();
        let shared = |it: &&Answer| !anew && began.since(it.at) < FRESH.max(it.took.saturating_mul(FRESH_TIMES));
        if let Some(answer) = kept.as_ref().filter(shared) {
            return Arc::clone(&answer.told);
        }
        let told = Arc::new(ask(admin).await.map_err(|it| it.1));
        let at = admin.shared.clock.now();
        *kept = Some(Answer { told: Arc::clone(&told), at, took: at.since(began) });
        told
    }
}

async fn ask(admin: &Admin) -> Result<Telling, Refused> {
    let (store, clock) = (&admin.shared.store, &admin.shared.clock);
    let failed = |it: StoreError| Refused::store(&it);
    let tasks = status::rows(admin).await?;
    let now_ms = clock.unix_ms(clock.now());
    let from_ms = (now_ms - now_ms % MINUTE).saturating_sub((MINUTES - 1) * MINUTE);
    let minutes = store.minutes_since(from_ms).await.map_err(failed)?;
    let added = store.added_since(now_ms.saturating_sub(ADDED_MS)).await.map_err(failed)?;
    let wanted = Wanted { moved: true, limit: MOST_MOVED, ..Wanted::default() };
    let moved = store.search(wanted).await.map_err(failed)?;
    Ok(Telling { from_ms, tasks, minutes, added, moved: records(&moved.records) })
}

/// Records as they were stored. One that a later version wrote differently is left out: it is still there as JSON.
pub(super) fn records(stored: &[String]) -> Vec<DecisionRecord> {
    stored.iter().filter_map(|it| serde_json::from_str(it).ok()).collect()
}
