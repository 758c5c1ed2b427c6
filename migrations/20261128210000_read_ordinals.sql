-- What was read is kept as an ordinal, not as a number of messages, so that a mark may stand anywhere.

-- Of an inbound message: its number among the inbound messages of its conversation, in the order in which they came; it
-- is never given again. Of any other message: the number of the last inbound message that came before it. Null where
-- the message counts as read for everyone: a replay brought it.
ALTER TABLE message ADD COLUMN ordinal bigint;

-- The last number that was given, and how far anyone has read. `inbound_count` and `read_count` are derived: how many
-- inbound messages stand, and how many of them have an ordinal up to `read_ordinal`.
ALTER TABLE conversation
  ADD COLUMN last_ordinal bigint NOT NULL DEFAULT 0,
  ADD COLUMN read_ordinal bigint NOT NULL DEFAULT 0;
ALTER TABLE conversation_read ADD COLUMN read_ordinal bigint NOT NULL DEFAULT 0;

-- The newest of a conversation get the highest numbers, so that every mark leaves as many unread as it did. What a
-- replay brought was never counted; that many of the oldest stay without a number.
UPDATE message m SET ordinal = n.ordinal
FROM (
  SELECT i.workspace_id, i.id, c.inbound_count + 1
      - row_number() OVER (PARTITION BY i.workspace_id, i.conversation_id ORDER BY i.id DESC) AS ordinal
  FROM message i
  JOIN conversation c ON c.workspace_id = i.workspace_id AND c.id = i.conversation_id
  WHERE i.direction = 'inbound' AND i.deleted_at IS NULL) n
WHERE m.workspace_id = n.workspace_id AND m.id = n.id AND n.ordinal > 0;
UPDATE conversation SET last_ordinal = inbound_count, read_ordinal = read_count WHERE inbound_count > 0;
UPDATE conversation_read SET read_ordinal = read_count WHERE read_count > 0;

-- Which inbound messages stand after a mark.
CREATE INDEX message_ordinal ON message (workspace_id, conversation_id, ordinal)
  WHERE direction = 'inbound' AND deleted_at IS NULL;

-- Which answer was the last one: since then the other side waits.
CREATE INDEX message_answer ON message (workspace_id, conversation_id, occurred_at, id)
  WHERE direction = 'outbound' AND kind = 'message' AND NOT placeholder AND deleted_at IS NULL;

-- Both are computed from the messages that stand: since when the other side waits, and when it was first answered.
UPDATE conversation c SET waiting_since = w.occurred_at, first_response_at = r.occurred_at
FROM conversation k
LEFT JOIN LATERAL (
  SELECT m.occurred_at, m.id FROM message m
  WHERE m.workspace_id = k.workspace_id AND m.conversation_id = k.id AND m.direction = 'outbound' AND m.kind = 'message'
    AND NOT m.placeholder AND m.deleted_at IS NULL
  ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1) a ON true
LEFT JOIN LATERAL (
  SELECT m.occurred_at FROM message m
  WHERE m.workspace_id = k.workspace_id AND m.conversation_id = k.id AND m.direction = 'inbound' AND m.kind = 'message'
    AND NOT m.placeholder AND m.deleted_at IS NULL AND (a.id IS NULL OR (m.occurred_at, m.id) > (a.occurred_at, a.id))
  ORDER BY m.occurred_at, m.id LIMIT 1) w ON true
LEFT JOIN LATERAL (
  SELECT m.occurred_at, m.id FROM message m
  WHERE m.workspace_id = k.workspace_id AND m.conversation_id = k.id AND m.direction = 'inbound' AND m.kind = 'message'
    AND NOT m.placeholder AND m.deleted_at IS NULL
  ORDER BY m.occurred_at, m.id LIMIT 1) q ON true
LEFT JOIN LATERAL (
  SELECT m.occurred_at FROM message m
  WHERE m.workspace_id = k.workspace_id AND m.conversation_id = k.id AND m.direction = 'outbound' AND m.kind = 'message'
    AND NOT m.placeholder AND m.deleted_at IS NULL AND (m.occurred_at, m.id) > (q.occurred_at, q.id)
  ORDER BY m.occurred_at, m.id LIMIT 1) r ON true
WHERE c.workspace_id = k.workspace_id AND c.id = k.id
  AND (c.waiting_since IS DISTINCT FROM w.occurred_at OR c.first_response_at IS DISTINCT FROM r.occurred_at);
