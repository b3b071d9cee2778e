//! The only place where this crate starts tasks, so that a drain can wait for them and nothing outlives its owner.
//!
//! A task whose end matters is waited for; one that runs for ever is not. Dropping the owner ends both kinds. Never
//! restarts a task and never hides a panic: the runtime reports it, and only that task is gone.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

/// Tasks of one owner.
#[derive(Debug, Default)]
pub struct Tasks {
    waited: Mutex<JoinSet<()>>,
    unwaited: Mutex<JoinSet<()>>,
}

// === impl Tasks ===

impl Tasks {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task that [`Tasks::wait`] waits for.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        start(&self.waited, task);
    }

    /// Starts a task that has no end of its own.
    pub fn spawn_unwaited(&self, task: impl Future<Output = ()> + Send + 'static) {
        start(&self.unwaited, task);
    }

    /// Waits until every waited task has ended, those that start meanwhile included, for at most `within`. The number
    /// of those still running then.
    pub async fn wait(&self, within: Duration) -> usize {
        let ended = std::future::poll_fn(|cx| {
            let mut tasks = lock(&self.waited);
            loop {
                match tasks.poll_join_next(cx) {
                    std::task::Poll::Ready(Some(_)) => {}
                    std::task::Poll::Ready(None) => return std::task::Poll::Ready(()),
                    std::task::Poll::Pending => return std::task::Poll::Pending,
                }
            }
        });
        match timeout(within, ended).await {
            Ok(()) => 0,
            Err(_) => lock(&self.waited).len(),
        }
    }

    /// Ends all tasks where they stand.
    pub fn stop(&self) {
        lock(&self.waited).abort_all();
        lock(&self.unwaited).abort_all();
    }
}

fn start(set: &Mutex<JoinSet<()>>, task: impl Future<Output = ()> + Send + 'static) {
    let mut tasks = lock(set);
    // Those that have ended are let go here: nobody asks for their results.
    while tasks.try_join_next().is_some() {}
    tasks.spawn(task);
}

fn lock(set: &Mutex<JoinSet<()>>) -> MutexGuard<'_, JoinSet<()>> {
    // A set is whole after every call into it, also after one that panicked.
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::oneshot;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn waiting_covers_tasks_that_start_while_waiting() {
        let tasks = Arc::new(Tasks::new());
        let (go, gone) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel::<()>();
        let inner = Arc::clone(&tasks);
        tasks.spawn(async move {
            let _ = gone.await;
            inner.spawn(async move {
                tokio::task::yield_now().await;
                let _ = tell.send(());
            });
        });
        let waiting = tasks.wait(LONG);
        go.send(()).unwrap();
        assert_eq!(waiting.await, 0);
        told.await.unwrap();
    }

    #[tokio::test]
    async fn a_task_that_panics_is_no_longer_waited_for() {
        let tasks = Tasks::new();
        tasks.spawn(async { panic!("as this test wants") });
        assert_eq!(tasks.wait(LONG).await, 0);
    }

    #[tokio::test]
    async fn waiting_ends_in_time_and_says_how_many_are_left() {
        let tasks = Tasks::new();
        tasks.spawn(std::future::pending());
        tasks.spawn_unwaited(std::future::pending());
        assert_eq!(tasks.wait(Duration::from_millis(10)).await, 1);
        tasks.stop();
        assert_eq!(tasks.wait(LONG).await, 0);
    }
}
