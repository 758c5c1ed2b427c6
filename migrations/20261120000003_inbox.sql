-- The inbox: who writes, in which conversation, what, and what became of it.

-- `provider_members` holds, for each member that a provider's versioned updates set, the stamp of the
-- newest update that set it, so that updates in any order end alike (OB-10).
CREATE TABLE contact (
  workspace_id      uuid NOT NULL REFERENCES workspace,
  id                uuid NOT NULL,
  name              text,
  phone             text,
  email             text,
  username          text,
  avatar_url        text,
  attributes        jsonb NOT NULL DEFAULT '{}',
  last_active_at    timestamptz,
  provider_members  jsonb NOT NULL DEFAULT '{}',
  merged_into_id    uuid,
  revision          bigint NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL,
  deleted_at        timestamptz,
  PRIMARY KEY (workspace_id, id)
) WITH (fillfactor = 90);

CREATE TABLE contact_group (
  workspace_id      uuid NOT NULL REFERENCES workspace,
  id                uuid NOT NULL,
  name              text,
  avatar_url        text,
  -- As the provider lists them: [{id, username, ...}].
  participants      jsonb NOT NULL DEFAULT '[]',
  external_id       text,
  provider_members  jsonb NOT NULL DEFAULT '{}',
  revision          bigint NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL,
  deleted_at        timestamptz,
  PRIMARY KEY (workspace_id, id)
);

-- An address: what a message can come from. Kinds `phone` and `email` are the workspace's (scope is the nil
-- uuid), all others belong to one provider account. A group's address and a provider's conversation id may
-- stand without a contact.
CREATE TABLE identity (
  workspace_id  uuid NOT NULL,
  scope_id      uuid NOT NULL,
  kind          text NOT NULL CHECK (kind IN ('phone', 'email', 'username', 'provider_user', 'provider_conversation', 'group')),
  value         text NOT NULL,
  id            uuid NOT NULL,
  original      text,
  contact_id    uuid,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, scope_id, kind, value),
  FOREIGN KEY (workspace_id, contact_id) REFERENCES contact DEFERRABLE INITIALLY DEFERRED
) WITH (fillfactor = 90);
CREATE INDEX identity_contact ON identity (workspace_id, contact_id);

CREATE TABLE label (
  workspace_id  uuid NOT NULL REFERENCES workspace,
  id            uuid NOT NULL,
  name          text NOT NULL,
  color         text,
  revision      bigint NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, name)
);

CREATE TABLE conversation (
  workspace_id       uuid NOT NULL,
  id                 uuid NOT NULL,
  channel_id         uuid NOT NULL,
  -- identity.id of the address; the pair (channel, address) has one conversation that is not closed (P5).
  address_id         uuid NOT NULL,
  contact_id         uuid,
  group_id           uuid,
  status             text NOT NULL CHECK (status IN ('in_queue', 'open', 'pending', 'snoozed', 'closed')),
  provider_status    text,
  external_id        text,
  subject            text,
  priority           text NOT NULL DEFAULT 'normal' CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
  assignee_id        uuid,
  team_id            uuid,
  label_ids          uuid[] NOT NULL DEFAULT '{}',
  attributes         jsonb NOT NULL DEFAULT '{}',
  provider_members   jsonb NOT NULL DEFAULT '{}',
  -- Inbound messages so far, and how many of them anyone has read; each member's own mark is in conversation_read.
  inbound_count      bigint NOT NULL DEFAULT 0,
  read_count         bigint NOT NULL DEFAULT 0,
  last_message_id    uuid,
  last_message_at    timestamptz,
  last_activity_at   timestamptz NOT NULL,
  waiting_since      timestamptz,
  first_response_at  timestamptz,
  snoozed_until      timestamptz,
  closed_at          timestamptz,
  revision           bigint NOT NULL DEFAULT 1,
  created_at         timestamptz NOT NULL,
  updated_at         timestamptz NOT NULL,
  deleted_at         timestamptz,
  PRIMARY KEY (workspace_id, id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX conversation_not_closed ON conversation (workspace_id, channel_id, address_id) WHERE status <> 'closed';
CREATE INDEX conversation_address ON conversation (workspace_id, address_id, id);
CREATE INDEX conversation_contact ON conversation (workspace_id, contact_id, id);
CREATE INDEX conversation_activity ON conversation (workspace_id, last_activity_at, id) WHERE deleted_at IS NULL;
CREATE INDEX conversation_status ON conversation (workspace_id, status, last_activity_at, id) WHERE deleted_at IS NULL;

CREATE TABLE conversation_read (
  workspace_id     uuid NOT NULL,
  conversation_id  uuid NOT NULL,
  member_id        uuid NOT NULL,
  read_count       bigint NOT NULL,
  read_at          timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, conversation_id, member_id)
);

CREATE TABLE message (
  workspace_id         uuid NOT NULL,
  id                   uuid NOT NULL,
  conversation_id      uuid NOT NULL,
  provider_account_id  uuid,
  direction            text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
  kind                 text NOT NULL CHECK (kind IN ('message', 'note', 'call', 'activity')),
  origin               text NOT NULL CHECK (origin IN ('inlet', 'provider')),
  -- A placeholder stands in for a message of which only reports have come (OR-9).
  placeholder          boolean NOT NULL DEFAULT false,
  content_type         text,
  content              text,
  -- Postback payloads, call details, provider fields that have no column: by name.
  details              jsonb NOT NULL DEFAULT '{}',
  author_kind          text NOT NULL CHECK (author_kind IN ('contact', 'member', 'api_key', 'system', 'provider')),
  author_id            uuid,
  author_name          text,
  external_id          text,
  -- The provider's id of the quoted message; it is joined through external_ref when read, so order is no matter (P4).
  quoted_external_id   text,
  -- The provider's id of the campaign, joined through external_ref when read.
  campaign_external_id text,
  client_key           text,
  occurred_at          timestamptz NOT NULL,
  -- True where the provider told no time and the arrival stands in.
  occurred_at_assumed  boolean NOT NULL DEFAULT false,
  -- Null on what is not sent by us or on our side: inbound messages and notes.
  status               text CHECK (status IN ('queued', 'sent', 'failed', 'delivered', 'read')),
  sent_at              timestamptz,
  delivered_at         timestamptz,
  read_at              timestamptz,
  failed_at            timestamptz,
  failure              jsonb,
  -- Each part's own ladder and what is assumed in it: see domain::model::status.
  delivery             jsonb,
  reactions            jsonb NOT NULL DEFAULT '{}',
  provider_members     jsonb NOT NULL DEFAULT '{}',
  revision             bigint NOT NULL DEFAULT 1,
  created_at           timestamptz NOT NULL,
  updated_at           timestamptz NOT NULL,
  deleted_at           timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversation
) WITH (fillfactor = 90);
CREATE INDEX message_conversation ON message (workspace_id, conversation_id, occurred_at, id);
CREATE INDEX message_placeholder ON message (workspace_id, id) WHERE placeholder;

-- What a message carries. One that comes before its message waits with message_id null under the provider's id
-- of the message, and is joined when that comes (P4).
CREATE TABLE attachment (
  workspace_id         uuid NOT NULL,
  id                   uuid NOT NULL,
  message_id           uuid,
  provider_account_id  uuid,
  message_external_id  text,
  external_id          text,
  position             integer NOT NULL DEFAULT 0,
  kind                 text NOT NULL CHECK (kind IN ('image', 'video', 'audio', 'document', 'other')),
  url                  text,
  filename             text,
  mime_type            text,
  size_bytes           bigint,
  provider_members     jsonb NOT NULL DEFAULT '{}',
  revision             bigint NOT NULL DEFAULT 1,
  created_at           timestamptz NOT NULL,
  updated_at           timestamptz NOT NULL,
  deleted_at           timestamptz,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX attachment_message ON attachment (workspace_id, message_id, position, id);
CREATE INDEX attachment_waiting ON attachment (workspace_id, provider_account_id, message_external_id) WHERE message_id IS NULL;

-- Every report as it arrived (P3); only a replay of its inbound event writes it anew. `message_id` may be the id of a
-- message that is yet to come.
CREATE TABLE status_report (
  workspace_id       uuid NOT NULL,
  id                 uuid NOT NULL,
  message_id         uuid NOT NULL,
  inbound_event_id   uuid,
  -- Which part of a message in parts; '' is the whole.
  part               text NOT NULL DEFAULT '',
  -- Null where the provider's word is unknown to us.
  status             text,
  raw_status         text NOT NULL,
  code               text,
  reason             text,
  reported_at        timestamptz,
  received_at        timestamptz NOT NULL,
  details            jsonb NOT NULL DEFAULT '{}',
  -- What else it says that the message's state is computed from; null where it says nothing else.
  besides            jsonb,
  PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);
CREATE TABLE status_report_default PARTITION OF status_report DEFAULT;
CREATE INDEX status_report_message ON status_report (workspace_id, message_id, id);

CREATE TABLE campaign (
  workspace_id         uuid NOT NULL REFERENCES workspace,
  id                   uuid NOT NULL,
  provider_account_id  uuid NOT NULL,
  external_id          text NOT NULL,
  status               text NOT NULL CHECK (status IN ('running', 'completed')),
  report_url           text,
  revision             bigint NOT NULL DEFAULT 1,
  created_at           timestamptz NOT NULL,
  completed_at         timestamptz,
  PRIMARY KEY (workspace_id, id)
);

-- Reports of campaigns that are to be fetched, page by page (OR-12): one row for each URL that a campaign was given.
CREATE TABLE report_job (
  workspace_id  uuid NOT NULL REFERENCES workspace,
  id            uuid NOT NULL,
  campaign_id   uuid NOT NULL,
  -- Whose rules it is fetched by: which hosts, which adapter.
  source_id     uuid NOT NULL,
  url           text NOT NULL,
  url_hash      bytea NOT NULL,
  status        text NOT NULL CHECK (status IN ('pending', 'running', 'done', 'failed')),
  next_page     integer NOT NULL DEFAULT 1,
  pages_done    integer NOT NULL DEFAULT 0,
  -- As the last page told.
  total_pages   integer,
  rows_done     bigint NOT NULL DEFAULT 0,
  -- Digest of the rows of the page before `next_page`: a server that repeats a page is found out.
  last_page     text,
  -- Failed attempts at the next page.
  attempts      integer NOT NULL DEFAULT 0,
  error         text,
  -- When it is due, and while a process has it, when it may be taken from it; null where it has ended.
  due_at        timestamptz,
  lease_owner   uuid,
  created_at    timestamptz NOT NULL,
  finished_at   timestamptz,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, campaign_id, url_hash),
  FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaign
);
CREATE INDEX report_job_due ON report_job (due_at) WHERE due_at IS NOT NULL;
-- One report of a campaign at a time.
CREATE UNIQUE INDEX report_job_running ON report_job (workspace_id, campaign_id) WHERE status = 'running';

CREATE TABLE opt_out (
  workspace_id  uuid NOT NULL REFERENCES workspace,
  id            uuid NOT NULL,
  contact_id    uuid NOT NULL,
  medium        text NOT NULL,
  scope         text NOT NULL CHECK (scope IN ('all', 'category', 'sender', 'tag', 'service', 'product')),
  value         text NOT NULL,
  external_id   text,
  created_at    timestamptz NOT NULL,
  withdrawn_at  timestamptz,
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX opt_out_standing ON opt_out (workspace_id, contact_id, medium, scope, value) WHERE withdrawn_at IS NULL;

CREATE TABLE verification (
  workspace_id         uuid NOT NULL REFERENCES workspace,
  id                   uuid NOT NULL,
  provider_account_id  uuid NOT NULL,
  external_id          text NOT NULL,
  identifier           text,
  verified             boolean NOT NULL,
  -- A keyed hash; the code itself is stored nowhere (OR-8).
  code_hash            bytea,
  expires_at           timestamptz,
  created_at           timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

CREATE TABLE balance_alert (
  workspace_id         uuid NOT NULL REFERENCES workspace,
  id                   uuid NOT NULL,
  provider_account_id  uuid NOT NULL,
  firm                 text,
  units                numeric,
  created_at           timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
