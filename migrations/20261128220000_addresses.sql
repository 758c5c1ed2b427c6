-- Who is who: what a provider deleted, refusals by address, and what a suggested merge looks for.

-- Until when what came from the address is nobody's: the provider deleted its record of the person at that time.
ALTER TABLE identity ADD COLUMN record_deleted_at timestamptz;

-- A refusal binds the address that it names; whose it is follows from the address.
ALTER TABLE opt_out
  ADD COLUMN address_scope_id uuid,
  ADD COLUMN address_kind text,
  ADD COLUMN address_value text;
-- Until now a refusal named a contact. It is taken to name each phone number of the contact, else each other address: it
-- is better to write to one address too few than to one that refused. One whose contact has no address names the contact's
-- id, so that it stays in the list.
CREATE TEMPORARY TABLE refused ON COMMIT DROP AS
SELECT o.workspace_id, o.id, coalesce(i.scope_id, '00000000-0000-0000-0000-000000000000') AS scope_id,
       coalesce(i.kind, 'provider_user') AS kind, coalesce(i.value, o.contact_id::text) AS value,
       row_number() OVER (PARTITION BY o.workspace_id, o.id ORDER BY i.created_at, i.id) AS number
FROM opt_out o
LEFT JOIN identity i ON i.workspace_id = o.workspace_id AND i.contact_id = o.contact_id AND (i.kind = 'phone'
  OR i.kind <> 'group' AND NOT EXISTS (
    SELECT FROM identity p WHERE p.workspace_id = o.workspace_id AND p.contact_id = o.contact_id AND p.kind = 'phone'));
DROP INDEX opt_out_standing;
ALTER TABLE opt_out DROP COLUMN contact_id;
UPDATE opt_out o SET address_scope_id = r.scope_id, address_kind = r.kind, address_value = r.value
FROM refused r WHERE r.workspace_id = o.workspace_id AND r.id = o.id AND r.number = 1;
-- The id of one more address keeps the time of the first, by which lists are ordered.
INSERT INTO opt_out (workspace_id, id, medium, scope, value, external_id, created_at, withdrawn_at,
                     address_scope_id, address_kind, address_value)
SELECT o.workspace_id, (left(o.id::text, 15) || substr(gen_random_uuid()::text, 16))::uuid, o.medium, o.scope, o.value,
       o.external_id, o.created_at, o.withdrawn_at, r.scope_id, r.kind, r.value
FROM opt_out o JOIN refused r ON r.workspace_id = o.workspace_id AND r.id = o.id AND r.number > 1;
ALTER TABLE opt_out
  ALTER COLUMN address_scope_id SET NOT NULL,
  ALTER COLUMN address_kind SET NOT NULL,
  ALTER COLUMN address_value SET NOT NULL;
CREATE UNIQUE INDEX opt_out_standing
  ON opt_out (workspace_id, address_kind, address_value, address_scope_id, medium, scope, value) WHERE withdrawn_at IS NULL;

-- Refusals do not move with merges any more.
ALTER TABLE contact_merge DROP COLUMN opt_out_ids;

-- Contacts that may be one person: whose profile names the address of another. What a profile says may be longer than any
-- address is, and than an index entry may be.
CREATE INDEX contact_phone ON contact (workspace_id, phone) WHERE length(phone) <= 320 AND deleted_at IS NULL;
CREATE INDEX contact_email ON contact (workspace_id, email) WHERE length(email) <= 320 AND deleted_at IS NULL;

-- A number that had two rows in its two national forms keeps one as its key; the other row says which key that is.
ALTER TABLE identity ADD COLUMN canonical text;
CREATE INDEX identity_canonical ON identity (workspace_id, canonical) WHERE canonical IS NOT NULL;

-- Steps of an upgrade that take a program, chunk by chunk: see `inlet migrate`. A database that holds no addresses needs
-- none.
CREATE TABLE upgrade_step (
  name      text PRIMARY KEY,
  -- How far it has come; null at the beginning.
  position  jsonb,
  done_at   timestamptz
);
INSERT INTO upgrade_step (name) SELECT 'address_keys' WHERE EXISTS (SELECT FROM identity);

-- An id that is no id (`null`, `undefined`, `0`, `-` ...) names nothing and nobody any more; what had been found by it stays.
DELETE FROM external_ref
WHERE kind <> 'channel'
  AND external_id ~* '^((whatsapp|sms|rcs|viber|vmn):)?(null|undefined|none|nil|nan|n/a|[^[:alnum:]]*(0+[^[:alnum:]]*)*)$';
UPDATE identity SET contact_id = NULL
WHERE kind IN ('username', 'provider_user', 'provider_conversation')
  AND value ~* '^((user|subscriber):)?(null|undefined|none|nil|nan|n/a|[^[:alnum:]]*(0+[^[:alnum:]]*)*)$';
