-- Who is who among those who log in: a login is good in one workspace until its email is proven (docs/adr/0015).

-- Emails are looked up in NFC. Where another login has that form already, the former one stays as it is, and `inlet admin`
-- makes its member another.
UPDATE person p SET email = lower(normalize(p.email, NFC))
WHERE p.email <> lower(normalize(p.email, NFC))
  AND NOT EXISTS (SELECT FROM person o WHERE o.id <> p.id AND lower(normalize(o.email, NFC)) = lower(normalize(p.email, NFC)));

-- `workspace_id` is null of a person who has proven the email, and may be a member of any number of workspaces. Every other
-- login is good in that workspace alone. Without `password_hash` nobody can log in.
ALTER TABLE person
  ADD COLUMN workspace_id uuid REFERENCES workspace,
  ADD COLUMN proven_at timestamptz,
  ALTER COLUMN password_hash DROP NOT NULL,
  DROP CONSTRAINT person_email_key;

-- Until now the first workspace to name an email set its password, and every other took that over. Nobody has proven
-- anything, so the password stays with the oldest membership. Every other membership gets a login of its own, without a
-- password: they are invited anew, or `inlet admin set-password` gives them one.
CREATE TEMPORARY TABLE membership ON COMMIT DROP AS
SELECT m.workspace_id, m.id, m.person_id, gen_random_uuid() AS new_person_id,
       row_number() OVER (PARTITION BY m.person_id ORDER BY m.created_at, m.id) AS number
FROM member m;
UPDATE person p SET workspace_id = m.workspace_id FROM membership m WHERE m.person_id = p.id AND m.number = 1;
INSERT INTO person (id, email, name, password_hash, created_at, workspace_id)
SELECT m.new_person_id, p.email, p.name, NULL, p.created_at, m.workspace_id
FROM membership m JOIN person p ON p.id = m.person_id WHERE m.number > 1;
UPDATE member t SET person_id = m.new_person_id
FROM membership m WHERE m.workspace_id = t.workspace_id AND m.id = t.id AND m.number > 1;
-- Whoever logged in to these by the shared password logs in anew.
UPDATE session s SET revoked_at = now() FROM membership m
WHERE m.workspace_id = s.workspace_id AND m.id = s.member_id AND m.number > 1 AND s.revoked_at IS NULL;
-- A login of no one's.
DELETE FROM person p WHERE p.workspace_id IS NULL;

ALTER TABLE person ADD CONSTRAINT person_proven CHECK ((workspace_id IS NULL) = (proven_at IS NOT NULL));
CREATE UNIQUE INDEX person_email_proven ON person (email) WHERE workspace_id IS NULL;
CREATE UNIQUE INDEX person_email_bound ON person (email, workspace_id) WHERE workspace_id IS NOT NULL;

-- Someone who may become a member. `token_hash` is of the link that the inviter was shown, `mail_token_hash` of the one that
-- went to the email and was shown to no one.
CREATE TABLE invitation (
  workspace_id     uuid NOT NULL REFERENCES workspace,
  id               uuid NOT NULL,
  email            text NOT NULL CHECK (email = lower(email)),
  name             text NOT NULL,
  role             text NOT NULL CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
  invited_by_kind  text NOT NULL,
  invited_by_id    uuid,
  token_hash       bytea NOT NULL UNIQUE,
  mail_token_hash  bytea UNIQUE,
  created_at       timestamptz NOT NULL,
  expires_at       timestamptz NOT NULL,
  accepted_at      timestamptz,
  revoked_at       timestamptz,
  member_id        uuid,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, member_id) REFERENCES member
);
CREATE INDEX invitation_email ON invitation (workspace_id, email, created_at);

-- A person who has forgotten their password. It is of no workspace, for the person may be in several.
CREATE TABLE password_reset (
  id          uuid PRIMARY KEY,
  person_id   uuid NOT NULL REFERENCES person ON DELETE CASCADE,
  token_hash  bytea NOT NULL UNIQUE,
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  used_at     timestamptz
);
CREATE INDEX password_reset_person ON password_reset (person_id);
CREATE INDEX password_reset_expires ON password_reset (expires_at);

-- Letters that wait for the operator's mail hook; sealed, for they hold tokens. Of a letter of no workspace its id is nil.
CREATE TABLE mail_outbox (
  workspace_id  uuid NOT NULL,
  id            uuid NOT NULL,
  sealed        bytea NOT NULL,
  created_at    timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  attempts      integer NOT NULL DEFAULT 0,
  due_at        timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX mail_outbox_due ON mail_outbox (due_at);
