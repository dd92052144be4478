-- compatible-from: 5
-- Sessions of people who are signed in to the console, so that every daemon of this database knows
-- them. The token is in the browser only.
CREATE TABLE console_sessions (
  id         text PRIMARY KEY, -- SHA-256 of the token in hex
  actor      text NOT NULL, -- as in the audit log: admin:NAME or oidc:PERSON
  role       text NOT NULL,
  key_proof  text, -- SHA-256 of the token and the admin key's hash; null: signed in by OIDC
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX console_sessions_actor ON console_sessions (actor);
COMMENT ON TABLE console_sessions IS 'llmproxy: people signed in to the console';
