WITH given AS MATERIALIZED (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::float8[], $6::uuid[],
                       $7::int[], $8::timestamptz[], $9::int[], $10::int[], $11::text[], $12::bytea[],
                       $13::text[], $14::text[])
    attempted (workspace_id, delivery_id, lease, status, retry_after, attempt_id, number, started_at,
               duration_ms, response_status, response_headers, response_body, error_kind, error)
), finished AS (
  UPDATE delivery d SET status = given.status, attempts = given.number, lease_owner = NULL,
    due_at = inlet_now() + make_interval(secs => given.retry_after),
    finished_at = CASE WHEN given.retry_after IS NULL
                  THEN given.started_at + make_interval(secs => given.duration_ms / 1000.0) END
  FROM given
  WHERE d.workspace_id = given.workspace_id AND d.id = given.delivery_id AND d.lease_owner = given.lease
  RETURNING d.id
), kept AS (
  INSERT INTO attempt (workspace_id, id, delivery_id, number, started_at, duration_ms, response_status,
                       response_headers, response_body, error_kind, error)
  SELECT workspace_id, attempt_id, delivery_id, number, started_at, duration_ms, response_status,
         response_headers::jsonb, response_body, error_kind, error FROM given
), closed AS (
  DELETE FROM dispatch_lease WHERE id = ANY($15) AND owner = $16
)
SELECT id FROM finished
