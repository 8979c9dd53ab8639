-- Who hung up on whom at port 8080 between 05:15 and 05:25?
SELECT process, peer_process, closer, verdict, cause, count() AS closes
FROM closes FINAL
WHERE server_port = 8080 AND role = 'server'
  AND time BETWEEN toDateTime64('2026-11-29 05:15:00', 9, 'UTC') AND toDateTime64('2026-11-29 05:25:00', 9, 'UTC')
GROUP BY process, peer_process, closer, verdict, cause
ORDER BY closes DESC;

-- Which services lost requests to idle closes in the last day, and at which idle time?
SELECT namespace, process, server_port, count() AS lost, round(median(idle_seconds), 3) AS idle_seconds,
       max(time) AS newest
FROM closes FINAL
WHERE verdict = 'idle-race' AND role = 'client' AND time > now() - INTERVAL 1 DAY
GROUP BY namespace, process, server_port
ORDER BY lost DESC;

-- The evidence of the newest closes in trouble.
SELECT time, node, process, server_port, verdict, cause, evidence
FROM closes FINAL
WHERE verdict IN ('idle-race', 'premature-hangup', 'network', 'host-abort')
ORDER BY time DESC
LIMIT 20;

-- Closes a minute by verdict, of servers.
SELECT minute, verdict, sum(closes) AS closes
FROM closes_by_minute
WHERE role = 'server' AND minute > now() - INTERVAL 1 DAY
GROUP BY minute, verdict
ORDER BY minute, verdict;
