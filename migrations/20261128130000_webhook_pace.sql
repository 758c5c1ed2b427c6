-- Turns of webhooks that have a rate: processes take them in blocks, so that the rate is that of all of them together.
CREATE TABLE webhook_pace (
  workspace_id  uuid NOT NULL,
  webhook_id    uuid NOT NULL,
  -- When the first request begins that no process has a turn for yet.
  next_at       timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, webhook_id)
) WITH (fillfactor = 10);
