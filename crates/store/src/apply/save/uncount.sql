-- Takes deleted messages out of the counts of their conversations. A member's count of read messages loses those that
-- stand before the member's mark.
WITH gone AS (
  SELECT given.workspace_id, given.conversation_id, given.ordinal
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) given(workspace_id, conversation_id, ordinal)
),
uncounted_by_members AS (
  UPDATE conversation_read SET read_count = conversation_read.read_count - counted.messages
  FROM (
    SELECT mark.workspace_id, mark.conversation_id, mark.member_id, count(*) AS messages
    FROM gone
    JOIN conversation_read mark
      ON mark.workspace_id = gone.workspace_id AND mark.conversation_id = gone.conversation_id
    WHERE gone.ordinal <= mark.read_ordinal
    GROUP BY mark.workspace_id, mark.conversation_id, mark.member_id
  ) counted
  WHERE conversation_read.workspace_id = counted.workspace_id
    AND conversation_read.conversation_id = counted.conversation_id
    AND conversation_read.member_id = counted.member_id
)
UPDATE conversation SET
  inbound_count = conversation.inbound_count - counted.messages,
  read_count = conversation.read_count - (
    SELECT count(*)
    FROM gone
    WHERE gone.workspace_id = counted.workspace_id AND gone.conversation_id = counted.conversation_id
      AND gone.ordinal <= conversation.read_ordinal
  )
FROM (
  SELECT gone.workspace_id, gone.conversation_id, count(*) AS messages
  FROM gone
  GROUP BY gone.workspace_id, gone.conversation_id
) counted
WHERE conversation.workspace_id = counted.workspace_id AND conversation.id = counted.conversation_id
