WITH claim AS (
  SELECT workspace_id FROM dispatch_cursor WHERE workspace_id = $1 AND seq = $2 FOR UPDATE SKIP LOCKED
), moved AS (
  UPDATE dispatch_cursor c SET seq = $3 FROM claim WHERE c.workspace_id = claim.workspace_id RETURNING 1
), leased AS (
  INSERT INTO dispatch_lease (id, owner, workspace_id, first_id, last_id, leased_until)
  SELECT $4::uuid, $5, $1, $6::uuid, $7, inlet_now() + make_interval(secs => $8) FROM moved WHERE $6 IS NOT NULL
), numbered AS (
  INSERT INTO webhook_sequence AS s (workspace_id, webhook_id, last)
  SELECT $1, counted.webhook_id, counted.count FROM moved, unnest($9::uuid[], $10::bigint[]) counted (webhook_id, count)
  ON CONFLICT (workspace_id, webhook_id) DO UPDATE SET last = s.last + excluded.last
  RETURNING webhook_id, last
), written AS (
  INSERT INTO delivery (workspace_id, id, webhook_id, event_id, event_seq, event_type, sequence, status,
                        parked, lease_owner, created_at, finished_at, skipped_because)
  SELECT $1, new.id, new.webhook_id, new.event_id, new.event_seq, new.event_type, numbered.last - new.back,
         CASE new.disposition WHEN 2 THEN 'held' WHEN 3 THEN 'skipped' ELSE 'pending' END,
         new.disposition IN (1, 2), CASE WHEN new.disposition = 0 THEN $4 END, $11::timestamptz,
         CASE WHEN new.disposition = 3 THEN $11 END, CASE WHEN new.disposition = 3 THEN 'disabled' END
  FROM moved, unnest($12::uuid[], $13::uuid[], $14::uuid[], $15::bigint[], $16::text[], $17::bigint[], $18::int[])
         new (id, webhook_id, event_id, event_seq, event_type, back, disposition)
  LEFT JOIN numbered ON numbered.webhook_id = new.webhook_id
)
SELECT numbered.webhook_id, numbered.last FROM moved LEFT JOIN numbered ON true
