-- Inlet's own webhooks: who wants what, and what became of each delivery.

CREATE TABLE webhook (
  workspace_id       uuid NOT NULL REFERENCES workspace,
  id                 uuid NOT NULL,
  name               text NOT NULL,
  url                text NOT NULL,
  status             text NOT NULL CHECK (status IN ('active', 'paused', 'disabled')),
  -- Patterns like `message.created` or `message.*`; none means all.
  event_types        text[] NOT NULL DEFAULT '{}',
  include_notes      boolean NOT NULL DEFAULT false,
  api_version        text NOT NULL,
  -- One sealed JSON array of secrets, newest first: more than one while they rotate.
  sealed_secrets     bytea NOT NULL,
  -- Sealed JSON {header, algorithm, secret}, or null.
  sealed_legacy_signature bytea,
  timeout_seconds    integer NOT NULL DEFAULT 3 CHECK (timeout_seconds BETWEEN 1 AND 30),
  max_attempts       integer NOT NULL DEFAULT 6 CHECK (max_attempts BETWEEN 1 AND 20),
  retry_preset       text NOT NULL DEFAULT 'documented' CHECK (retry_preset IN ('documented', 'standard')),
  max_concurrency    integer NOT NULL DEFAULT 64,
  -- The log's last number when it was registered: it gets what comes after.
  start_seq          bigint NOT NULL,
  -- Counts every change of the row: processes keep what they have read for as long as it stands.
  revision           bigint NOT NULL DEFAULT 1,
  created_at         timestamptz NOT NULL,
  disabled_reason    text,
  deleted_at         timestamptz,
  PRIMARY KEY (workspace_id, id)
);

-- How far the dispatcher has read each workspace's log; claimed with SKIP LOCKED.
CREATE TABLE dispatch_cursor (
  workspace_id  uuid PRIMARY KEY REFERENCES workspace,
  seq           bigint NOT NULL
) WITH (fillfactor = 10);

-- Gapless numbers of what was sent to each webhook, given at the first send.
CREATE TABLE webhook_sequence (
  workspace_id  uuid NOT NULL,
  webhook_id    uuid NOT NULL,
  last          bigint NOT NULL,
  PRIMARY KEY (workspace_id, webhook_id)
) WITH (fillfactor = 10);

-- A page of the log that one process has written deliveries for and is sending for the first time. It stands for the
-- lease of all of them, so that a delivery that succeeds at once needs no entry in an index of what is due.
CREATE TABLE dispatch_lease (
  id            uuid PRIMARY KEY,
  owner         uuid NOT NULL,
  workspace_id  uuid NOT NULL,
  -- The least and the greatest delivery of the page.
  first_id      uuid NOT NULL,
  last_id       uuid NOT NULL,
  leased_until  timestamptz NOT NULL
);

-- One row for each event and matching webhook. Its id begins with the first half of its event's id, so that the
-- deliveries of an event are found by a range of ids. The columns that a success at the first attempt changes are in
-- no index: such an update stays on its page.
CREATE TABLE delivery (
  workspace_id     uuid NOT NULL,
  id               uuid NOT NULL,
  webhook_id       uuid NOT NULL,
  event_id         uuid NOT NULL,
  event_seq        bigint NOT NULL,
  event_type       text NOT NULL,
  sequence         bigint,
  status           text NOT NULL CHECK (status IN ('pending', 'held', 'succeeded', 'exhausted', 'skipped')),
  attempts         integer NOT NULL DEFAULT 0,
  -- Of a retry: when it is due, and while a process has it, when it may be taken from it.
  due_at           timestamptz,
  -- Waits until its webhook, which has enough in hand, has room for more.
  parked           boolean NOT NULL DEFAULT false,
  -- The page's lease, or the claim of a retry: whoever finishes it must still hold that.
  lease_owner      uuid,
  created_at       timestamptz NOT NULL,
  finished_at      timestamptz,
  PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);
-- Room for the update that finishes a row: partitions made ahead get the same.
CREATE TABLE delivery_default PARTITION OF delivery DEFAULT WITH (fillfactor = 60);
CREATE INDEX delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_parked ON delivery (workspace_id, webhook_id, id) WHERE parked;
CREATE INDEX delivery_webhook ON delivery (workspace_id, webhook_id, id);

CREATE TABLE attempt (
  workspace_id      uuid NOT NULL,
  id                uuid NOT NULL,
  delivery_id       uuid NOT NULL,
  number            integer NOT NULL,
  started_at        timestamptz NOT NULL,
  duration_ms       integer NOT NULL,
  response_status   integer,
  response_headers  jsonb,
  -- Up to 16 KiB.
  response_body     bytea,
  -- timeout, connect, refused_address, redirect, status, ...; null on success.
  error_kind        text,
  error             text,
  PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);
CREATE TABLE attempt_default PARTITION OF attempt DEFAULT;
CREATE INDEX attempt_delivery ON attempt (workspace_id, delivery_id, number);
