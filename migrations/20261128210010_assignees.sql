-- A member who is disabled, or whose role no longer lets them answer, gives back what they have.

-- True from the transaction that shut the member out until the last of their conversations was given back. Whoever finds
-- it true goes on, so a process that dies in between leaves nothing undone.
ALTER TABLE member ADD COLUMN gives_back boolean NOT NULL DEFAULT false;
UPDATE member SET gives_back = true WHERE disabled_at IS NOT NULL OR role = 'viewer';
CREATE INDEX member_gives_back ON member (workspace_id, id) WHERE gives_back;

CREATE INDEX conversation_assignee ON conversation (workspace_id, assignee_id, id)
  WHERE assignee_id IS NOT NULL AND status <> 'closed';

-- A closed conversation has a time when it was closed.
UPDATE conversation SET closed_at = updated_at WHERE status = 'closed' AND closed_at IS NULL;
