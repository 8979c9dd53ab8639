-- Closes in ClickHouse: as JSON lines (`whohungup run --record`, `watch --json`), from any number of nodes.
--
-- Load a record:
--   INSERT INTO closes_json SELECT 'node-1', line FROM file('/var/lib/whohungup/record/closes-*.jsonl.gz', 'LineAsString');
-- Or have Vector do it: ../vector/vector.yaml

-- What comes in. Nothing is kept here.
CREATE TABLE closes_json (node String, line String) ENGINE = Null;

-- One row for each close: what amends a close replaces it. `FINAL` in a query sees to that at once.
CREATE TABLE closes
(
    node LowCardinality(String),
    id String,
    time DateTime64(9, 'UTC'),
    amends UInt8,
    role LowCardinality(String),
    closer LowCardinality(String),
    close_type LowCardinality(String),
    phase LowCardinality(String),
    verdict LowCardinality(String),
    cause LowCardinality(String),
    race LowCardinality(String),
    retried UInt8,
    confidence LowCardinality(String),
    protocol LowCardinality(String),
    requests_started Nullable(UInt32),
    in_flight Nullable(UInt32),
    age_seconds Nullable(Float64),
    idle_seconds Nullable(Float64),
    local String,
    remote String,
    server_port UInt16,
    process LowCardinality(String),
    namespace LowCardinality(String),
    pod String,
    container LowCardinality(String),
    unit LowCardinality(String),
    peer_process LowCardinality(String),
    bytes_sent UInt64,
    bytes_received UInt64,
    community_id String,
    flow_id String,
    trace_id String,
    evidence Array(String)
)
ENGINE = ReplacingMergeTree(amends)
PARTITION BY toDate(time)
ORDER BY (node, server_port, time, id)
TTL toDateTime(time) + INTERVAL 30 DAY;

CREATE MATERIALIZED VIEW closes_parsed TO closes AS
SELECT
    node,
    JSONExtractString(line, 'id') AS id,
    parseDateTime64BestEffort(JSONExtractString(line, 'time'), 9, 'UTC') AS time,
    JSONExtractBool(line, 'amends') AS amends,
    JSONExtractString(line, 'role') AS role,
    JSONExtractString(line, 'closer') AS closer,
    JSONExtractString(line, 'close_type') AS close_type,
    JSONExtractString(line, 'phase') AS phase,
    JSONExtractString(line, 'verdict') AS verdict,
    JSONExtractString(line, 'cause') AS cause,
    JSONExtractString(line, 'race') AS race,
    JSONExtractBool(line, 'retried') AS retried,
    JSONExtractString(line, 'confidence') AS confidence,
    JSONExtractString(line, 'protocol') AS protocol,
    JSONExtract(line, 'requests_started', 'Nullable(UInt32)') AS requests_started,
    JSONExtract(line, 'in_flight', 'Nullable(UInt32)') AS in_flight,
    JSONExtract(line, 'age_seconds', 'Nullable(Float64)') AS age_seconds,
    JSONExtract(line, 'idle_seconds', 'Nullable(Float64)') AS idle_seconds,
    JSONExtractString(line, 'local') AS local,
    JSONExtractString(line, 'remote') AS remote,
    JSONExtractUInt(line, 'server_port') AS server_port,
    JSONExtractString(line, 'process', 'comm') AS process,
    JSONExtractString(line, 'workload', 'namespace') AS namespace,
    JSONExtractString(line, 'workload', 'pod') AS pod,
    JSONExtractString(line, 'workload', 'container') AS container,
    JSONExtractString(line, 'workload', 'unit') AS unit,
    JSONExtractString(line, 'peer', 'process', 'comm') AS peer_process,
    JSONExtractUInt(line, 'bytes_sent') AS bytes_sent,
    JSONExtractUInt(line, 'bytes_received') AS bytes_received,
    JSONExtractString(line, 'community_id') AS community_id,
    JSONExtractString(line, 'flow_id') AS flow_id,
    JSONExtractString(line, 'trace_id') AS trace_id,
    JSONExtract(line, 'evidence', 'Array(String)') AS evidence
FROM closes_json;

-- Closes by minute, service and reason, for a dashboard: small, and kept for a year. A connection within one node has two.
CREATE TABLE closes_by_minute
(
    minute DateTime('UTC'),
    node LowCardinality(String),
    role LowCardinality(String),
    namespace LowCardinality(String),
    process LowCardinality(String),
    server_port UInt16,
    closer LowCardinality(String),
    verdict LowCardinality(String),
    cause LowCardinality(String),
    closes UInt64
)
ENGINE = SummingMergeTree(closes)
PARTITION BY toYYYYMM(minute)
ORDER BY (server_port, minute, node, role, namespace, process, closer, verdict, cause)
TTL minute + INTERVAL 1 YEAR;

-- The close that is amended was counted before.
CREATE MATERIALIZED VIEW closes_counted TO closes_by_minute AS
SELECT toStartOfMinute(time) AS minute, node, role, namespace, process, server_port, closer, verdict, cause, count() AS closes
FROM closes
WHERE amends = 0
GROUP BY minute, node, role, namespace, process, server_port, closer, verdict, cause;
