-- The event log: for each workspace 1, 2, 3 ... without gaps, in commit order.

-- Cursors hold (epoch, n). A restore from a backup begins a new epoch; `floor` is the last number trimmed away.
CREATE TABLE log_state (
  workspace_id  uuid PRIMARY KEY REFERENCES workspace,
  epoch         integer NOT NULL DEFAULT 1,
  floor         bigint NOT NULL DEFAULT 0
);

-- `payload` and `previous` are json, not jsonb: the bytes are written once in their final form and sent as they stand.
CREATE TABLE event (
  workspace_id     uuid NOT NULL,
  id               uuid NOT NULL,
  seq              bigint NOT NULL,
  type             text NOT NULL,
  occurred_at      timestamptz NOT NULL,
  actor_kind       text NOT NULL,
  actor_id         uuid,
  -- The entity that changed, its revision then, and what it belongs to.
  revision         bigint,
  conversation_id  uuid,
  message_id       uuid,
  contact_id       uuid,
  channel_id       uuid,
  medium           text,
  direction        text,
  -- True for notes and activities, which webhooks get only when asked for.
  internal         boolean NOT NULL DEFAULT false,
  payload          json NOT NULL,
  previous         json,
  PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);
-- (workspace_id, seq) is unique in each partition, by an index of its own (see domain::store::partitions): one on the
-- whole table cannot be unique without the partition key, and would be a second one to fill.
CREATE TABLE event_default PARTITION OF event DEFAULT;
CREATE UNIQUE INDEX event_default_seq ON event_default (workspace_id, seq);
-- The history of a message, but for what comes with nearly every message: its beginning is found by its time, its
-- statuses by their reports (see domain::store::trace).
CREATE INDEX event_message ON event (workspace_id, message_id, id)
  WHERE message_id IS NOT NULL AND type NOT IN ('message.created', 'call.completed', 'message.status_changed');
