//! Opening the file: who may read it, whose it is, which schema it has, and how each transaction is committed.
//!
//! Migrations go forward only, each in its own transaction. Never touches a file of another program.

use std::fs::OpenOptions;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::StoreError;

/// Where a store lives.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// What the operator wrote, for messages.
    pub(crate) path: PathBuf,
    /// What SQLite is told.
    target: PathBuf,
    /// Whether it lives in memory only.
    memory: bool,
}

/// The connection that writes. It remembers what its commits promise, so that only a change of that is told to SQLite.
pub(crate) struct WriteConnection {
    conn: Connection,
    /// What SQLite was told last; `None`: nothing yet, or it did not take it.
    promised: Option<Durability>,
}

/// What a commit promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Survives the end of the process; a power cut may take it until the next checkpoint.
    Batched,
    /// Is on the disk when the commit returns.
    Durable,
}

/// Marks a file as ours: "SWBT".
const APPLICATION_ID: i64 = 0x5357_4254;

/// All schemas, oldest first; the number of a schema is its place from one.
const MIGRATIONS: [&str; 2] = [include_str!("migrations/001.sql"), include_str!("migrations/002.sql")];

/// How long a statement waits for somebody else's lock.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Size to which SQLite cuts the write-ahead log after a burst.
const LOG_BYTES: i64 = 64 << 20;

/// Tells stores in memory apart.
static MEMORIES: AtomicU64 = AtomicU64::new(0);

// === impl Place ===

impl Place {
    /// `:memory:` is a place of its own each time; everything else is a file.
    pub(crate) fn new(path: &Path) -> Self {
        let memory = path == Path::new(":memory:");
        let target = if memory {
            // A memory database of this name is shared by the connections of the process, with proper locks.
            let number = MEMORIES.fetch_add(1, Ordering::Relaxed);
            PathBuf::from(format!("file:/switchback-{number}?vfs=memdb"))
        } else {
            // The prefix keeps SQLite from reading a file name as a URI.
            Path::new(".").join(path)
        };
        Self { path: path.to_owned(), target, memory }
    }

    /// The connection that writes; creates the file and brings it to the newest schema.
    pub(crate) fn writer(&self) -> Result<WriteConnection, StoreError> {
        if !self.memory {
            create_private(&self.target).map_err(|error| self.cannot_open(&error.to_string()))?;
        }
        let mut conn = WriteConnection { conn: self.connect()?, promised: None };
        self.claim(&conn)?;
        self.prepare(&conn)?;
        self.migrate(&mut conn)?;
        Ok(conn)
    }

    /// A connection that only reads.
    pub(crate) fn reader(&self) -> Result<Connection, StoreError> {
        let conn = self.connect()?;
        conn.pragma_update(None, "query_only", true).map_err(|error| self.failed(error))?;
        Ok(conn)
    }

    /// Sorts an error met here.
    pub(crate) fn failed(&self, error: rusqlite::Error) -> StoreError {
        StoreError::of(&self.path, error)
    }

    /// Says that it cannot be opened, and why.
    pub(crate) fn cannot_open(&self, why: &str) -> StoreError {
        StoreError::Open { path: self.path.clone(), why: why.to_owned() }
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if self.memory {
            flags |= OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_URI;
        }
        let conn = Connection::open_with_flags(&self.target, flags).map_err(|error| self.failed(error))?;
        conn.busy_timeout(LOCK_WAIT).map_err(|error| self.failed(error))?;
        Ok(conn)
    }

    /// Refuses a file of another program or of a newer version, before anything is written.
    fn claim(&self, conn: &Connection) -> Result<(), StoreError> {
        let found = number(conn, "PRAGMA user_version").map_err(|error| self.failed(error))?;
        let owner = number(conn, "PRAGMA application_id").map_err(|error| self.failed(error))?;
        let tables = number(conn, "SELECT COUNT(*) FROM sqlite_schema").map_err(|error| self.failed(error))?;
        let fresh = owner == 0 && found == 0 && tables == 0;
        if owner != APPLICATION_ID && !fresh {
            return Err(StoreError::Foreign { path: self.path.clone() });
        }
        let known = newest();
        if found > known {
            return Err(StoreError::Newer { path: self.path.clone(), found, known });
        }
        Ok(())
    }

    /// Sets what belongs to the file and what belongs to the connection.
    fn prepare(&self, conn: &Connection) -> Result<(), StoreError> {
        // Before the journal mode: that writes the first page, and afterwards this no longer takes effect.
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")
            .and_then(|()| conn.pragma_update(None, "journal_size_limit", LOG_BYTES))
            .map_err(|error| self.failed(error))?;
        let journal: String = conn
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
            .map_err(|error| self.failed(error))?;
        if !self.memory && journal != "wal" {
            return Err(self.cannot_open("its file system does not allow a write-ahead log; use a local disk"));
        }
        Ok(())
    }

    fn migrate(&self, conn: &mut WriteConnection) -> Result<(), StoreError> {
        for (sql, schema) in MIGRATIONS.iter().zip(1_i64..) {
            transact(conn, Durability::Durable, |tx| {
                // Asked inside: another process may have come first.
                if number(tx, "PRAGMA user_version")? >= schema {
                    return Ok(());
                }
                tx.execute_batch(sql)?;
                tx.pragma_update(None, "application_id", APPLICATION_ID)?;
                tx.pragma_update(None, "user_version", schema)
            })
            .map_err(|error| self.failed(error))?;
        }
        Ok(())
    }
}

// === impl WriteConnection ===

impl WriteConnection {
    /// Makes the next commits promise this. Not inside a transaction: SQLite refuses it there.
    fn promise(&mut self, durability: Durability) -> rusqlite::Result<()> {
        if self.promised == Some(durability) {
            return Ok(());
        }
        let level = match durability {
            Durability::Batched => "NORMAL",
            Durability::Durable => "FULL",
        };
        self.promised = None;
        self.conn.pragma_update(None, "synchronous", level)?;
        self.promised = Some(durability);
        Ok(())
    }
}

impl Deref for WriteConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn
    }
}

impl DerefMut for WriteConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.conn
    }
}

/// Runs `act` in one write transaction that is committed with the given promise, or leaves everything as it was.
pub(crate) fn transact<T>(
    conn: &mut WriteConnection,
    durability: Durability,
    act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    if !conn.is_autocommit() {
        // An earlier rollback failed with the disk; without this no transaction would ever start again.
        conn.execute_batch("ROLLBACK")?;
    }
    conn.promise(durability)?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = act(&tx)?;
    tx.commit()?;
    Ok(done)
}

/// The one number that a statement without parameters answers with.
pub(crate) fn number(conn: &Connection, sql: &str) -> rusqlite::Result<i64> {
    conn.query_row(sql, [], |row| row.get(0))
}

/// A count or a time as SQLite holds it; beyond its range, the largest that it can hold.
pub(crate) fn stored(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A count or a time as it was stored.
pub(crate) fn unstored(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// The newest schema.
fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Creates the file for its owner alone, where there is none yet; SQLite gives its side files the same permissions.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(file) => {
            file.sync_all()?;
            sync_folder(path)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the new file's name durable; without it a power cut may take the whole file.
#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Other systems give no way to sync a folder.
#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_that_looks_like_a_uri_stays_a_file_name() {
        let place = Place::new(Path::new("file:records.db?mode=memory"));
        assert_eq!(place.target, Path::new("./file:records.db?mode=memory"));
        let absolute = Path::new("/var/lib/switchback.db");
        assert_eq!(Place::new(absolute).target, absolute);
    }
}
