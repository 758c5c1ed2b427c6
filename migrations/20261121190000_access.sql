-- What the rules of access keep: who made a key and when it was used, from where a session began, what an audit entry
-- is about, and how often a login was tried.

-- A person may be called otherwise in each workspace; null means the person's own name.
ALTER TABLE member ADD COLUMN name text;

ALTER TABLE api_key
  ADD COLUMN created_by_kind text,
  ADD COLUMN created_by_id uuid,
  -- To the minute: it is not written for each request.
  ADD COLUMN last_used_at timestamptz;

ALTER TABLE session ADD COLUMN client_address text;
CREATE INDEX session_member ON session (workspace_id, member_id);

ALTER TABLE source ADD COLUMN revision bigint NOT NULL DEFAULT 1;

-- `subject_kind` is the prefix of the subject's global id; `refusal` the code of the error where nothing came of it.
ALTER TABLE audit_entry
  ADD COLUMN subject_kind text,
  ADD COLUMN refusal text,
  ADD COLUMN request_id text,
  ADD COLUMN client_address text;
CREATE INDEX audit_entry_subject ON audit_entry (workspace_id, subject_id, id);
CREATE INDEX audit_entry_actor ON audit_entry (workspace_id, actor_id, id);

-- Attempts to log in, by login and by client address: `bucket` is a keyed hash of either. It is of no workspace, for an
-- attempt has none yet.
CREATE TABLE login_attempt (
  bucket         bytea PRIMARY KEY,
  attempts       integer NOT NULL,
  last_at        timestamptz NOT NULL,
  blocked_until  timestamptz
);
CREATE INDEX login_attempt_last ON login_attempt (last_at);
