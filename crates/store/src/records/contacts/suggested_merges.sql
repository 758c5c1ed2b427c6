WITH told AS (
  SELECT c.id, v.kind, v.value FROM contact c
  CROSS JOIN LATERAL (VALUES ('phone', c.phone), ('email', c.email)) v(kind, value)
  WHERE c.workspace_id = $1 AND c.id = ANY($2) AND c.merged_into_id IS NULL AND v.value IS NOT NULL
  UNION
  SELECT i.contact_id, i.kind, coalesce(i.canonical, i.value) FROM identity i
  WHERE i.workspace_id = $1 AND i.contact_id = ANY($2) AND i.kind IN ('phone', 'email'))
SELECT t.id, s.contact_id, 'same_' || t.kind, t.value FROM told t CROSS JOIN LATERAL (
  SELECT i.contact_id FROM identity i WHERE i.workspace_id = $1 AND i.scope_id = $3 AND i.kind = t.kind
    AND i.value = t.value
  UNION
  SELECT i.contact_id FROM identity i WHERE i.workspace_id = $1 AND i.kind = t.kind AND i.canonical = t.value
  UNION
  (SELECT c.id FROM contact c WHERE c.workspace_id = $1 AND c.phone = t.value AND t.kind = 'phone'
     AND length(c.phone) <= 320 AND c.deleted_at IS NULL AND c.merged_into_id IS NULL LIMIT $4)
  UNION
  (SELECT c.id FROM contact c WHERE c.workspace_id = $1 AND c.email = t.value AND t.kind = 'email'
     AND length(c.email) <= 320 AND c.deleted_at IS NULL AND c.merged_into_id IS NULL LIMIT $4)) s(contact_id)
JOIN contact c ON c.workspace_id = $1 AND c.id = s.contact_id
WHERE c.id <> t.id AND c.deleted_at IS NULL AND c.merged_into_id IS NULL ORDER BY 1, 2, 3
