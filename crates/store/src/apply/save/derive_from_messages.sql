-- What conversations derive from their messages. `newest` is the last message; `answer` is our last message, and `waiting`
-- is the first message of the other side after it; `question` is the first message of the other side, and `response` is
-- our first message after it. Calls and notes neither ask nor answer.
UPDATE conversation SET
  last_message_id = newest.id,
  last_message_at = newest.occurred_at,
  last_activity_at = CASE
    WHEN conversation.last_activity_at = conversation.last_message_at
    THEN coalesce(newest.occurred_at, least(conversation.created_at, conversation.last_activity_at))
    ELSE conversation.last_activity_at
  END,
  waiting_since = waiting.occurred_at,
  first_response_at = response.occurred_at
FROM unnest($1::uuid[], $2::uuid[]) given(workspace_id, conversation_id)
LEFT JOIN LATERAL (
  SELECT message.id, message.occurred_at
  FROM message
  WHERE message.workspace_id = given.workspace_id AND message.conversation_id = given.conversation_id
    AND message.deleted_at IS NULL AND NOT message.placeholder
  ORDER BY message.occurred_at DESC, message.id DESC
  LIMIT 1
) newest ON true
LEFT JOIN LATERAL (
  SELECT message.id, message.occurred_at
  FROM message
  WHERE message.workspace_id = given.workspace_id AND message.conversation_id = given.conversation_id
    AND message.direction = 'outbound' AND message.kind = 'message'
    AND NOT message.placeholder AND message.deleted_at IS NULL
  ORDER BY message.occurred_at DESC, message.id DESC
  LIMIT 1
) answer ON true
LEFT JOIN LATERAL (
  SELECT message.occurred_at
  FROM message
  WHERE message.workspace_id = given.workspace_id AND message.conversation_id = given.conversation_id
    AND message.direction = 'inbound' AND message.kind = 'message'
    AND NOT message.placeholder AND message.deleted_at IS NULL
    AND (message.occurred_at, message.id) > (
      coalesce(answer.occurred_at, '-infinity'),
      coalesce(answer.id, '00000000-0000-0000-0000-000000000000')
    )
  ORDER BY message.occurred_at, message.id
  LIMIT 1
) waiting ON true
LEFT JOIN LATERAL (
  SELECT message.id, message.occurred_at
  FROM message
  WHERE message.workspace_id = given.workspace_id AND message.conversation_id = given.conversation_id
    AND message.direction = 'inbound' AND message.kind = 'message'
    AND NOT message.placeholder AND message.deleted_at IS NULL
  ORDER BY message.occurred_at, message.id
  LIMIT 1
) question ON true
LEFT JOIN LATERAL (
  SELECT message.occurred_at
  FROM message
  WHERE message.workspace_id = given.workspace_id AND message.conversation_id = given.conversation_id
    AND message.direction = 'outbound' AND message.kind = 'message'
    AND NOT message.placeholder AND message.deleted_at IS NULL
    AND (message.occurred_at, message.id) > (question.occurred_at, question.id)
  ORDER BY message.occurred_at, message.id
  LIMIT 1
) response ON true
WHERE conversation.workspace_id = given.workspace_id AND conversation.id = given.conversation_id
