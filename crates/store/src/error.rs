//! What can go wrong with the store, in words that an operator can act on.
//!
//! No message carries a record or a bound value.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why the store could not be opened, read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be created or opened, or a thread cannot be started.
    #[error("cannot open the record store {path}: {why}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The file is not a SQLite database, or is damaged where it was looked at.
    #[error(
        "the record store {path} is damaged or not a SQLite database ({why}); move it and its -wal and -shm files \
         away to start with an empty one, or recover it with `sqlite3 FILE .recover`"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
    },
    /// The file is a database of another program.
    #[error("{path} is a database of another program; name another file in `[store] records`")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error(
        "the record store {path} has schema {found}, this version knows up to {known}; start the newer version, or \
         name another file in `[store] records`"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema of the file.
        found: i64,
        /// The newest schema that this version can use.
        known: i64,
    },
    /// Somebody else holds the database, or too many changes wait. Nothing was changed; asking again is fine.
    #[error("the record store is busy; nothing was changed, try again")]
    Busy,
    /// The disk, or the share of it that the file may use, is full. Nothing was changed.
    #[error("the record store's disk is full; nothing was changed")]
    Full,
    /// The store was closed, or its thread is gone.
    #[error("the record store is closed")]
    Closed,
    /// Anything else that SQLite reports. Nothing was changed.
    #[error("the record store failed: {0}")]
    Sqlite(#[source] rusqlite::Error),
}

impl StoreError {
    /// Sorts an error of the engine met on `path`.
    pub(crate) fn of(path: &std::path::Path, error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { path: path.to_owned(), why: error.to_string() }
            }
            Some(ErrorCode::CannotOpen) => Self::Open { path: path.to_owned(), why: error.to_string() },
            _ => Self::Sqlite(error),
        }
    }
}
