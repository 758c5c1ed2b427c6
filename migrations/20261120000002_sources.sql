-- Where events come from: a provider's account, our channels on it, and the URLs it posts to.

CREATE TABLE provider_account (
  workspace_id  uuid NOT NULL REFERENCES workspace,
  id            uuid NOT NULL,
  provider      text NOT NULL CHECK (provider IN ('oneroute', 'mobtexting', 'oblic', 'custom')),
  name          text NOT NULL,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

CREATE TABLE channel (
  workspace_id         uuid NOT NULL REFERENCES workspace,
  id                   uuid NOT NULL,
  provider_account_id  uuid NOT NULL,
  medium               text NOT NULL CHECK (medium IN ('whatsapp', 'sms', 'rcs', 'viber', 'voice', 'vmn', 'email',
                                                       'webchat', 'messenger', 'telegram', 'other')),
  identifier           text,
  phone                text,
  name                 text,
  description          text,
  country              text,
  env                  text,
  status               text,
  -- The provider's per-channel URL: data to show, never a target of ours (OR-5).
  provider_webhook_url text,
  external_id          text,
  reopen_window_seconds bigint NOT NULL DEFAULT 604800,
  revision             bigint NOT NULL DEFAULT 1,
  created_at           timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, provider_account_id) REFERENCES provider_account
);

CREATE TABLE source (
  workspace_id         uuid NOT NULL REFERENCES workspace,
  id                   uuid NOT NULL,
  provider_account_id  uuid NOT NULL,
  provider             text NOT NULL,
  name                 text NOT NULL,
  -- SHA-256 of the token in the URL finds the source; the sealed token lets its owner read the URL again.
  token_hash           bytea NOT NULL UNIQUE,
  sealed_token         bytea NOT NULL,
  verification         text NOT NULL CHECK (verification IN ('hmac', 'none')),
  -- One sealed JSON array of {secret, until}: more than one while they rotate.
  sealed_secrets       bytea NOT NULL,
  -- {algorithm, encoding, header, prefix}; what is absent is the provider's default.
  signature            jsonb NOT NULL DEFAULT '{}',
  allowed_networks     text[] NOT NULL DEFAULT '{}',
  time_zone            text,
  phone_region         text,
  channel_id           uuid,
  -- Which medium the source's own channel has, where the provider's events name none.
  medium               text,
  report_hosts         text[] NOT NULL DEFAULT '{}',
  -- Users at the provider that are ours, so that what they write is outbound.
  own_user_ids         text[] NOT NULL DEFAULT '{}',
  call_customer_leg    text NOT NULL DEFAULT 'to' CHECK (call_customer_leg IN ('to', 'from')),
  -- How a custom source is understood, as its operator wrote it: `json`, so that it is shown as it was written.
  mapping              json,
  created_at           timestamptz NOT NULL,
  deleted_at           timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, provider_account_id) REFERENCES provider_account,
  FOREIGN KEY (workspace_id, channel_id) REFERENCES channel
);

-- What a provider calls one of our entities. Whatever mentions a provider's id locks its row here first,
-- so two transactions that mention the same thing see each other (P4). `target_id` is null while nothing
-- but a mention or a deletion has come; the target of a message's name may be one that is yet to come, on which
-- reports hang already.
CREATE TABLE external_ref (
  workspace_id         uuid NOT NULL,
  provider_account_id  uuid NOT NULL,
  kind                 text NOT NULL,
  external_id          text NOT NULL,
  target_id            uuid,
  deleted_at           timestamptz,
  -- While what it names is not here: the half that is, and an id whose time tells since when it waits.
  waiting_id           uuid,
  waiting              text CHECK (waiting IN ('status_report', 'update', 'attachment', 'quote', 'deletion')),
  -- Of a message that is yet to come: what newer versions of it said already.
  pending              jsonb,
  PRIMARY KEY (workspace_id, provider_account_id, kind, external_id)
) WITH (fillfactor = 90);
CREATE INDEX external_ref_waiting ON external_ref (workspace_id, waiting_id) WHERE waiting_id IS NOT NULL;

-- What has had its effect already (P2). `expires_at` is when a repeat would count as new.
CREATE TABLE idempotency_key (
  workspace_id         uuid NOT NULL,
  provider_account_id  uuid NOT NULL,
  kind                 text NOT NULL,
  external_id          text NOT NULL,
  inbound_event_id     uuid NOT NULL,
  expires_at           timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, provider_account_id, kind, external_id)
);
-- Old keys go in chunks, oldest first; a block range index costs an insert next to nothing.
CREATE INDEX idempotency_key_expires ON idempotency_key USING brin (expires_at);

-- The raw log: each authentic request as it came. `sealed` holds headers and body (P12).
CREATE TABLE inbound_event (
  workspace_id         uuid NOT NULL,
  id                   uuid NOT NULL,
  source_id            uuid NOT NULL,
  received_at          timestamptz NOT NULL,
  event                text,
  outcome              text NOT NULL CHECK (outcome IN ('accepted', 'duplicate', 'unrecognised', 'failed', 'quarantined')),
  error                text,
  lenient              boolean NOT NULL DEFAULT false,
  -- The log entries it caused; of a duplicate, none.
  event_ids            uuid[] NOT NULL DEFAULT '{}',
  sealed               bytea NOT NULL,
  -- When a replay last brought the row up to date.
  replayed_at          timestamptz,
  PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);
CREATE TABLE inbound_event_default PARTITION OF inbound_event DEFAULT;
-- Each filter of the list has an index that ends with the id, the list's order. The many that were accepted, read by
-- strict JSON and never replayed are in the first two alone.
CREATE INDEX inbound_event_source ON inbound_event (workspace_id, source_id, id);
CREATE INDEX inbound_event_name ON inbound_event (workspace_id, event, id);
CREATE INDEX inbound_event_attention ON inbound_event (workspace_id, outcome, id) WHERE outcome <> 'accepted';
CREATE INDEX inbound_event_lenient ON inbound_event (workspace_id, id) WHERE lenient;
-- An event's cause is found by its time (see domain::store::trace), but for those that a replay raised.
CREATE INDEX inbound_event_replayed ON inbound_event USING gin (event_ids) WHERE replayed_at IS NOT NULL;
