-- The addresses of a contact are read by pages, oldest first; one address by its id.
CREATE INDEX identity_contact_id ON identity (workspace_id, contact_id, id);
DROP INDEX identity_contact;
CREATE UNIQUE INDEX identity_id ON identity (workspace_id, id);

-- A contact that came to be because another one has as many addresses as a contact may have.
ALTER TABLE contact ADD COLUMN kept_apart_from_id uuid;
