-- compatible-from: 11
-- Samples of requests that are also sent elsewhere, and moves of requests step by step.

CREATE TABLE mirrors (
  id              serial PRIMARY KEY,
  name            text NOT NULL UNIQUE,
  applies_to      jsonb NOT NULL DEFAULT '{}', -- whose requests; empty is all
  provider        text, -- that is sent the copies; null: whichever serves the model
  model           text, -- that they ask for; null: the model of the request
  sample_percent  double precision NOT NULL DEFAULT 1 CHECK (sample_percent > 0 AND sample_percent <= 100),
  max_concurrency integer NOT NULL DEFAULT 10 CHECK (max_concurrency > 0),
  budget          bigint CHECK (budget > 0), -- nano-dollars
  "window"        text NOT NULL DEFAULT 'day' CHECK ("window" IN ('day', 'week', 'month', 'total')),
  webhook         text,
  is_enabled      boolean NOT NULL DEFAULT true,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mirrors IS 'llmproxy: requests that are also sent elsewhere';
SELECT llmproxy_add_config_table(80, 'mirrors', 'mirror', 'name');

CREATE TABLE canaries (
  id                serial PRIMARY KEY,
  name              text NOT NULL UNIQUE,
  model             text, -- as clients name it; null: all of from_provider
  from_provider     text NOT NULL,
  to_provider       text NOT NULL,
  to_model          text, -- as clients name it; null: the model itself
  steps             jsonb NOT NULL DEFAULT '[1, 5, 25, 50, 100]', -- percent
  step_seconds      integer NOT NULL DEFAULT 600,
  min_requests      integer NOT NULL DEFAULT 10,
  max_error_percent double precision DEFAULT 5, -- null: no bound
  max_latency_ms    integer,
  state             text NOT NULL DEFAULT 'running'
    CHECK (state IN ('running', 'finished', 'rolled_back', 'stopped')),
  step              integer NOT NULL DEFAULT 0, -- place in steps
  changed_at        timestamptz, -- of state and step
  reason            text,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE canaries IS 'llmproxy: requests that move to another provider or model';
SELECT llmproxy_add_config_table(90, 'canaries', 'canary', 'name');

-- What each daemon has seen of the requests of canaries, so that one can judge for all.
CREATE TABLE canary_counts (
  canary   text NOT NULL, -- its name
  side     text NOT NULL CHECK (side IN ('from', 'to')),
  at       timestamptz NOT NULL,
  daemon   text NOT NULL,
  requests bigint NOT NULL,
  errors   bigint NOT NULL,
  slow     bigint NOT NULL, -- took longer than max_latency_ms
  latency  jsonb NOT NULL, -- requests by bucket of their latency
  PRIMARY KEY (canary, side, at, daemon)
);
COMMENT ON TABLE canary_counts IS 'llmproxy: outcomes of requests of canaries';

-- A row with a mirror is that of a copy, and counts in no report of clients. Nullable columns without
-- defaults: nothing is rewritten.
ALTER TABLE request_logs
  ADD COLUMN mirror   text, -- its name; null: a request of a client
  ADD COLUMN compared jsonb; -- the client's request, to compare with
