-- compatible-from: 5
-- Files, batches, stored responses and others that live at one provider: which one, and whose they are.
CREATE TABLE resources (
  id         text PRIMARY KEY CHECK (length(id) <= 256), -- as the provider has made it
  provider   text NOT NULL, -- provider_key; it may be gone
  owner      text NOT NULL, -- a team, or a key that is of none
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE resources IS 'llmproxy: what clients have made at providers';
