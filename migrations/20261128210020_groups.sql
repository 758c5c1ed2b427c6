-- What a provider tells of groups, and which conversations are theirs.

ALTER TABLE contact_group
  ADD COLUMN description text,
  ADD COLUMN archived_at timestamptz;

-- The provider's one thread by which all messages of the conversation came; null once anything else came. If the thread
-- turns out to be a group's, such a conversation is the group's; any other stays with whom it is.
ALTER TABLE conversation ADD COLUMN sole_thread text;

CREATE INDEX conversation_group ON conversation (workspace_id, group_id) WHERE group_id IS NOT NULL;
