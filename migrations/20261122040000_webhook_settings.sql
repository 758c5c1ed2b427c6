-- What a webhook may be told by who registers it, how it fares, and what became of deliveries that were not sent.

ALTER TABLE webhook
  -- {channels, mediums, labels, directions, actors}: each a list of which one must be the event's; what is absent or
  -- empty asks for nothing.
  ADD COLUMN filter            jsonb NOT NULL DEFAULT '{}',
  -- A channel's own webhook: it gets what happens on that channel alone.
  ADD COLUMN channel_id        uuid,
  -- Requests a second.
  ADD COLUMN rate_limit        integer CHECK (rate_limit BETWEEN 1 AND 10000),
  -- Seconds between attempts, instead of the preset's.
  ADD COLUMN retry_delays      integer[],
  -- [{name, value, secret}] in order; of a secret one the value is null here, and in `sealed_headers`.
  ADD COLUMN headers           jsonb NOT NULL DEFAULT '[]',
  -- Sealed JSON {name: value}, or null.
  ADD COLUMN sealed_headers    bytea,
  -- How its requests are composed; null for the event itself.
  ADD COLUMN composition       json,
  -- When only the newest secret counts again; shown to people, for each secret has its own end under seal.
  ADD COLUMN rotation_ends_at  timestamptz,
  -- It was disabled, is sent to again, and nothing has succeeded yet.
  ADD COLUMN recovering        boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT webhook_max_concurrency_check CHECK (max_concurrency BETWEEN 1 AND 256);

-- Webhooks whose last attempt failed: a row goes with the next success.
CREATE TABLE webhook_health (
  workspace_id   uuid NOT NULL,
  webhook_id     uuid NOT NULL,
  -- Attempts that failed since the last success.
  failures       bigint NOT NULL,
  -- When the first of them was.
  failing_since  timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, webhook_id)
) WITH (fillfactor = 50);

ALTER TABLE delivery
  -- How many attempts there had been when it was last sent again by hand: what it may retry is counted from there.
  ADD COLUMN round_start       integer NOT NULL DEFAULT 0,
  -- Of a skipped one: disabled, deleted, trimmed or expired.
  ADD COLUMN skipped_because   text;

-- What is held waits in the same index as what has no room: to resume a webhook is to change its row alone.
UPDATE delivery SET parked = true WHERE status = 'held';

-- Events that were made to try a webhook. They are in no log: one webhook alone gets each.
CREATE TABLE test_event (
  workspace_id  uuid NOT NULL REFERENCES workspace,
  id            uuid NOT NULL,
  type          text NOT NULL,
  occurred_at   timestamptz NOT NULL,
  actor_kind    text NOT NULL,
  actor_id      uuid,
  payload       json NOT NULL,
  previous      json,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX test_event_occurred ON test_event (occurred_at);
