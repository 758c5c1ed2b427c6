-- Workspaces, the people in them, and how they prove who they are.

-- The clock of leases and expiries: the database's, so that processes need not agree on theirs.
-- A test sets `inlet.now` to step it.
CREATE FUNCTION inlet_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT coalesce(nullif(current_setting('inlet.now', true), '')::timestamptz, clock_timestamp())
$$;

CREATE TABLE workspace (
  id          uuid PRIMARY KEY,
  name        text NOT NULL,
  slug        text NOT NULL UNIQUE,
  created_at  timestamptz NOT NULL
);

-- One row that must open under the configured key, or the server refuses to start (P12).
CREATE TABLE seal_canary (
  only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  sealed      bytea NOT NULL
);

-- A person may be a member of several workspaces, so the login is not a workspace's own.
CREATE TABLE person (
  id             uuid PRIMARY KEY,
  email          text NOT NULL UNIQUE CHECK (email = lower(email)),
  name           text NOT NULL,
  password_hash  text NOT NULL,
  created_at     timestamptz NOT NULL
);

CREATE TABLE member (
  workspace_id  uuid NOT NULL REFERENCES workspace,
  id            uuid NOT NULL,
  person_id     uuid NOT NULL REFERENCES person,
  role          text NOT NULL CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
  availability  text NOT NULL DEFAULT 'offline' CHECK (availability IN ('online', 'away', 'offline')),
  revision      bigint NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL,
  disabled_at   timestamptz,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (person_id, workspace_id)
);

CREATE TABLE team (
  workspace_id  uuid NOT NULL REFERENCES workspace,
  id            uuid NOT NULL,
  name          text NOT NULL,
  revision      bigint NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, name)
);

CREATE TABLE team_member (
  workspace_id  uuid NOT NULL,
  team_id       uuid NOT NULL,
  member_id     uuid NOT NULL,
  PRIMARY KEY (workspace_id, team_id, member_id),
  FOREIGN KEY (workspace_id, team_id) REFERENCES team ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, member_id) REFERENCES member
);

-- `token_hash` is the SHA-256 of 256 random bits; the token itself is shown once.
CREATE TABLE api_key (
  workspace_id  uuid NOT NULL REFERENCES workspace,
  id            uuid NOT NULL,
  name          text NOT NULL,
  token_hash    bytea NOT NULL UNIQUE,
  scopes        text[] NOT NULL,
  created_at    timestamptz NOT NULL,
  expires_at    timestamptz,
  revoked_at    timestamptz,
  PRIMARY KEY (workspace_id, id)
);

CREATE TABLE session (
  workspace_id  uuid NOT NULL REFERENCES workspace,
  id            uuid NOT NULL,
  member_id     uuid NOT NULL,
  token_hash    bytea NOT NULL UNIQUE,
  created_at    timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  revoked_at    timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, member_id) REFERENCES member
);

-- What a mutation with an idempotency key answered, for 24 hours. `answer` holds no secret.
CREATE TABLE mutation_key (
  workspace_id  uuid NOT NULL REFERENCES workspace,
  actor         text NOT NULL,
  mutation      text NOT NULL,
  key           text NOT NULL,
  input_hash    bytea NOT NULL,
  answer        jsonb NOT NULL,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, actor, mutation, key)
);

CREATE TABLE audit_entry (
  workspace_id  uuid NOT NULL,
  id            uuid NOT NULL,
  actor_kind    text NOT NULL,
  actor_id      uuid,
  action        text NOT NULL,
  subject_id    uuid,
  detail        jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);
CREATE TABLE audit_entry_default PARTITION OF audit_entry DEFAULT;
