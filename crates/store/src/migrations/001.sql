-- Records: one row per request. `json` is the record as `explain` shows it; the other columns are what is searched.
CREATE TABLE records (
    id         TEXT    NOT NULL PRIMARY KEY,
    arrived_ms INTEGER NOT NULL,
    task       TEXT    NOT NULL,
    outcome    TEXT    NOT NULL,
    json       TEXT    NOT NULL
) STRICT;

-- Both carry every column that is filtered or counted, so that only rows that are answered with are read.
CREATE INDEX records_by_arrival ON records (arrived_ms, task, outcome);
CREATE INDEX records_by_outcome ON records (outcome, arrived_ms, task);

-- Overrides: what an operator has switched, in force until cleared or until its time has passed.
CREATE TABLE overrides (
    route    TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    until_ms INTEGER,
    reason   TEXT    NOT NULL,
    by       TEXT    NOT NULL,
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (route, kind)
) STRICT;

-- Audit: AUTOINCREMENT, because a number that was told to somebody is never given to another entry.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms  INTEGER NOT NULL,
    by     TEXT    NOT NULL,
    action TEXT    NOT NULL,
    target TEXT    NOT NULL,
    reason TEXT    NOT NULL,
    effect TEXT
) STRICT;
