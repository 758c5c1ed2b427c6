-- What people do in the inbox.

-- Which conversations are to come back from having been put off.
CREATE INDEX conversation_snoozed ON conversation (snoozed_until) WHERE status = 'snoozed';
