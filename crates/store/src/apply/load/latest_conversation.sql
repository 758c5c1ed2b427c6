-- The conversation of each channel and address that is not closed, else the last one that is not deleted.
SELECT given.workspace_id, given.channel_id, given.address_id, coalesce(standing.id, newest.id)
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) given(workspace_id, channel_id, address_id)
LEFT JOIN LATERAL (
  SELECT conversation.id
  FROM conversation
  WHERE conversation.workspace_id = given.workspace_id AND conversation.channel_id = given.channel_id
    AND conversation.address_id = given.address_id AND conversation.status <> 'closed'
) standing ON true
LEFT JOIN LATERAL (
  SELECT conversation.id
  FROM conversation
  WHERE standing.id IS NULL AND conversation.workspace_id = given.workspace_id
    AND conversation.address_id = given.address_id AND conversation.channel_id = given.channel_id
    AND conversation.deleted_at IS NULL
  ORDER BY conversation.address_id DESC, conversation.id DESC
  LIMIT 1
) newest ON true
WHERE coalesce(standing.id, newest.id) IS NOT NULL
