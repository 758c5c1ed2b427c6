-- What people do in the inbox.

-- Which conversations are to come back from having been put off.
CREATE INDEX conversation_snoozed ON conversation (snoozed_until) WHERE status = 'snoozed';

-- Which contact was merged into which, and what moved, so that undoing it moves exactly that back.
CREATE TABLE contact_merge (
  workspace_id      uuid NOT NULL REFERENCES workspace,
  id                uuid NOT NULL,
  contact_id        uuid NOT NULL,
  into_id           uuid NOT NULL,
  identity_ids      uuid[] NOT NULL,
  conversation_ids  uuid[] NOT NULL,
  -- Refusals that stood.
  opt_out_ids       uuid[] NOT NULL,
  -- What the other lacked and took: {"phone": "+91..."}.
  filled            jsonb NOT NULL,
  merged_at         timestamptz NOT NULL,
  undone_at         timestamptz,
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX contact_merge_standing ON contact_merge (workspace_id, contact_id) WHERE undone_at IS NULL;
CREATE INDEX contact_merge_into ON contact_merge (workspace_id, into_id) WHERE undone_at IS NULL;
