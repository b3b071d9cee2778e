-- What the requests of a minute came to, added up as records are written: a page about the last hour reads some
-- hundred rows, however much was asked. Kept for a day. `first_ms` is the first arrival, `cost_usd` the sum of the known costs.
CREATE TABLE minutes (
    start_ms       INTEGER NOT NULL,
    task           TEXT    NOT NULL,
    outcome        TEXT    NOT NULL,
    first_ms       INTEGER NOT NULL,
    n              INTEGER NOT NULL,
    cost_usd       REAL    NOT NULL,
    n_cost_unknown INTEGER NOT NULL,
    PRIMARY KEY (start_ms, task, outcome)
) STRICT, WITHOUT ROWID;

-- The last hour of an older file, so that nothing is missing after an upgrade.
INSERT INTO minutes (start_ms, task, outcome, first_ms, n, cost_usd, n_cost_unknown)
    SELECT arrived_ms - arrived_ms % 60000, task, outcome, MIN(arrived_ms), COUNT(*),
           TOTAL(json_extract(json, '$.cost_usd')), COUNT(*) - COUNT(json_extract(json, '$.cost_usd'))
    FROM records WHERE arrived_ms >= (unixepoch() - 3600) * 1000
    GROUP BY 1, 2, 3;
