-- compatible-from: 11
-- Checks of the texts of requests and answers.

CREATE TABLE guardrails (
  id         serial PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  kind       text NOT NULL CHECK (kind IN ('regex', 'pii', 'webhook', 'moderation', 'schema', 'size')),
  mode       text NOT NULL DEFAULT 'enforce' CHECK (mode IN ('enforce', 'monitor')),
  on_error   text NOT NULL DEFAULT 'closed' CHECK (on_error IN ('closed', 'open')), -- when a check fails
  phases     jsonb NOT NULL DEFAULT '["request", "answer"]',
  applies_to jsonb NOT NULL DEFAULT '{}', -- key, team, model; empty is all requests
  config     jsonb NOT NULL DEFAULT '{}', -- the settings of its kind
  is_enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE guardrails IS 'llmproxy: checks of the texts of requests and answers';
SELECT llmproxy_add_config_table(70, 'guardrails', 'guardrail', 'name');

-- What guardrails did to a request, without those that let it pass; null: nothing.
-- A nullable column without a default: nothing is rewritten.
ALTER TABLE request_logs ADD COLUMN guardrails jsonb;
