-- A name is unique as people see it: in any case and composition, with or without invisible characters. The key is that
-- form; `inlet_domain::model::name` makes it, for no collation of Postgres does. Labels from before have no key yet. They
-- get theirs in the transaction that next makes or renames a label of their workspace; of those whose names look alike
-- the oldest keeps its name, and the others get a number: "VIP", "vip (2)".
ALTER TABLE label ADD COLUMN name_key text;
CREATE UNIQUE INDEX label_name_key ON label (workspace_id, name_key);
ALTER TABLE team ADD COLUMN name_key text;
CREATE UNIQUE INDEX team_name_key ON team (workspace_id, name_key);
