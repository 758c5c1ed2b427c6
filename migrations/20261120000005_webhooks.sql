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

-- One row for each event and matching webhook. While `leased_until` is ahead, the process in `lease_owner` has it.
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
  -- When it is next due; while leased, when the lease ends. Null once it is finished.
  due_at           timestamptz,
  lease_owner      uuid,
  created_at       timestamptz NOT NULL,
  finished_at      timestamptz,
  PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);
CREATE TABLE delivery_default PARTITION OF delivery DEFAULT;
CREATE INDEX delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_webhook ON delivery (workspace_id, webhook_id, id);
CREATE INDEX delivery_event ON delivery (workspace_id, event_id);

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
