-- compatible-from: 11
-- The operator's prices, budgets with their ledger, and kill switches.

CREATE TABLE prices (
  id                serial PRIMARY KEY,
  name              text NOT NULL UNIQUE,
  model             text NOT NULL, -- as it is sent; a name or a wildcard
  provider_key      text, -- null: of any provider
  valid_from        timestamptz, -- null: always
  rates             jsonb NOT NULL DEFAULT '{}', -- nano-dollars: for a million tokens, or one of another unit
  service_tiers     jsonb NOT NULL DEFAULT '{}', -- rates that differ for batch, flex and priority
  context_tiers     jsonb NOT NULL DEFAULT '[]', -- rates of requests with more input tokens
  max_input_tokens  bigint, -- the context window
  max_output_tokens bigint,
  source            text NOT NULL DEFAULT 'operator',
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE prices IS 'llmproxy: prices that win over the bundled ones';
SELECT llmproxy_add_config_table(40, 'prices', 'price', 'name');

CREATE TABLE budgets (
  id         serial PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  amount     bigint NOT NULL CHECK (amount > 0), -- nano-dollars
  "window"   text NOT NULL DEFAULT 'month' CHECK ("window" IN ('day', 'week', 'month', 'total')),
  mode       text NOT NULL DEFAULT 'hard' CHECK (mode IN ('hard', 'soft')),
  applies_to jsonb NOT NULL DEFAULT '{}', -- whose requests; empty is all
  alerts     jsonb NOT NULL DEFAULT '[50, 80, 100]', -- percent
  webhook    text,
  ceiling    jsonb, -- rates of models without a price; null refuses them
  is_enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE budgets IS 'llmproxy: what may be spent';
SELECT llmproxy_add_config_table(50, 'budgets', 'budget', 'name');

CREATE TABLE stops (
  id         serial PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  applies_to jsonb NOT NULL,
  reason     text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE stops IS 'llmproxy: kill switches that are thrown';
SELECT llmproxy_add_config_table(60, 'stops', 'stop', 'name');

-- What was spent of each budget. It only grows: a row is never changed or removed.
CREATE TABLE budget_ledger (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at           timestamptz NOT NULL DEFAULT now(),
  budget       text NOT NULL, -- its id, or the name of one that only an override file has
  window_start timestamptz NOT NULL,
  amount_nano  bigint NOT NULL,
  requests     integer NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('spent', 'unsettled')), -- unsettled: reserved by a process that died
  daemon       text NOT NULL,
  uid          uuid NOT NULL UNIQUE -- makes storing twice harmless
);
CREATE INDEX budget_ledger_budget ON budget_ledger (budget, window_start);
COMMENT ON TABLE budget_ledger IS 'llmproxy: what was spent of each budget';

CREATE FUNCTION llmproxy_ledger_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger of budgets only grows: % of % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'LP003';
END
$$;
CREATE TRIGGER llmproxy_kept BEFORE UPDATE OR DELETE ON budget_ledger
  FOR EACH ROW EXECUTE FUNCTION llmproxy_ledger_kept();
CREATE TRIGGER llmproxy_kept_all BEFORE TRUNCATE ON budget_ledger
  FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_ledger_kept();

-- The sums of the ledger, and which alerts of a window were given.
CREATE TABLE budget_totals (
  budget       text NOT NULL,
  window_start timestamptz NOT NULL,
  spent_nano   bigint NOT NULL DEFAULT 0,
  requests     bigint NOT NULL DEFAULT 0,
  alerted      integer NOT NULL DEFAULT 0, -- the highest percent that was told
  PRIMARY KEY (budget, window_start)
);
COMMENT ON TABLE budget_totals IS 'llmproxy: sums of budget_ledger';

-- What daemons hold of each budget to lend to their workers. One that dies gives it back by expiry;
-- what it had lent then is charged.
CREATE TABLE budget_leases (
  budget       text NOT NULL,
  window_start timestamptz NOT NULL,
  daemon       text NOT NULL,
  held_nano    bigint NOT NULL,
  lent_nano    bigint NOT NULL,
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (budget, window_start, daemon)
);
COMMENT ON TABLE budget_leases IS 'llmproxy: what daemons hold of budgets';

-- Settles what a daemon has spent of budgets and renews what it holds of each, all in one go.
-- `entries` are {budget, window_start, amount, spent, requests, unsettled, lent, want, uid, uid2}.
-- `places` are names of daemons that are known to be gone: their leases end now.
-- Returns for each what was spent in all, what the daemon holds now, and what was charged for others.
CREATE FUNCTION llmproxy_sync_budgets(who text, gone text[], ttl interval, entries jsonb)
RETURNS TABLE (budget text, window_start timestamptz, spent bigint, held bigint, charged bigint, alerted integer)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
  entry  record;
  other  record;
  free   bigint;
  news   bigint;
BEGIN
  FOR entry IN
    SELECT * FROM jsonb_to_recordset(entries) AS e (
      budget text, window_start timestamptz, amount bigint, spent bigint, requests integer,
      unsettled bigint, lent bigint, want bigint, uid uuid, uid2 uuid)
    ORDER BY e.budget, e.window_start
  LOOP
    INSERT INTO budget_totals AS t (budget, window_start) VALUES (entry.budget, entry.window_start)
    ON CONFLICT DO NOTHING;
    -- One at a time: whoever holds this row settles and leases.
    PERFORM FROM budget_totals t
    WHERE t.budget = entry.budget AND t.window_start = entry.window_start FOR UPDATE;
    news := 0;
    IF entry.spent <> 0 OR entry.requests > 0 THEN
      INSERT INTO budget_ledger (budget, window_start, amount_nano, requests, kind, daemon, uid)
      VALUES (entry.budget, entry.window_start, entry.spent, entry.requests, 'spent', who, entry.uid)
      ON CONFLICT (uid) DO NOTHING;
      IF FOUND THEN
        UPDATE budget_totals t SET spent_nano = t.spent_nano + entry.spent,
          requests = t.requests + entry.requests
        WHERE t.budget = entry.budget AND t.window_start = entry.window_start;
      END IF;
    END IF;
    IF entry.unsettled > 0 THEN
      INSERT INTO budget_ledger (budget, window_start, amount_nano, requests, kind, daemon, uid)
      VALUES (entry.budget, entry.window_start, entry.unsettled, 0, 'unsettled', who, entry.uid2)
      ON CONFLICT (uid) DO NOTHING;
      IF FOUND THEN
        UPDATE budget_totals t SET spent_nano = t.spent_nano + entry.unsettled
        WHERE t.budget = entry.budget AND t.window_start = entry.window_start;
      END IF;
    END IF;
    FOR other IN
      DELETE FROM budget_leases l
      WHERE l.budget = entry.budget AND l.window_start = entry.window_start AND l.daemon <> who
        AND (l.expires_at < now() OR l.daemon = ANY (gone))
      RETURNING l.daemon, l.lent_nano
    LOOP
      CONTINUE WHEN other.lent_nano = 0;
      INSERT INTO budget_ledger (budget, window_start, amount_nano, requests, kind, daemon, uid)
      VALUES (entry.budget, entry.window_start, other.lent_nano, 0, 'unsettled', other.daemon,
        gen_random_uuid());
      UPDATE budget_totals t SET spent_nano = t.spent_nano + other.lent_nano
      WHERE t.budget = entry.budget AND t.window_start = entry.window_start;
      news := news + other.lent_nano;
    END LOOP;
    SELECT greatest(0, entry.amount - t.spent_nano - coalesce((
      SELECT sum(l.held_nano) FROM budget_leases l
      WHERE l.budget = entry.budget AND l.window_start = entry.window_start AND l.daemon <> who), 0))
    INTO free FROM budget_totals t
    WHERE t.budget = entry.budget AND t.window_start = entry.window_start;
    -- What is lent cannot be taken back, though the amount may have been lowered.
    free := greatest(least(free, entry.want), entry.lent);
    IF free = 0 AND entry.lent = 0 THEN
      DELETE FROM budget_leases l
      WHERE l.budget = entry.budget AND l.window_start = entry.window_start AND l.daemon = who;
    ELSE
      INSERT INTO budget_leases AS l (budget, window_start, daemon, held_nano, lent_nano, expires_at)
      VALUES (entry.budget, entry.window_start, who, free, entry.lent, now() + ttl)
      ON CONFLICT ON CONSTRAINT budget_leases_pkey DO UPDATE SET held_nano = EXCLUDED.held_nano,
        lent_nano = EXCLUDED.lent_nano, expires_at = EXCLUDED.expires_at;
    END IF;
    RETURN QUERY SELECT t.budget, t.window_start, t.spent_nano, free, news, t.alerted
    FROM budget_totals t WHERE t.budget = entry.budget AND t.window_start = entry.window_start;
  END LOOP;
END
$$;

-- Says whether this percent of a window is told for the first time.
CREATE FUNCTION llmproxy_alert_budget(of_budget text, of_window timestamptz, percent integer)
RETURNS boolean LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  UPDATE budget_totals t SET alerted = percent
  WHERE t.budget = of_budget AND t.window_start = of_window AND t.alerted < percent;
  RETURN FOUND;
END
$$;

-- Nobody can put a table of their own in the place of ours.
DO $do$
DECLARE
  func text;
BEGIN
  FOREACH func IN ARRAY ARRAY['llmproxy_ledger_kept()', 'llmproxy_alert_budget(text, timestamptz, integer)',
    'llmproxy_sync_budgets(text, text[], interval, jsonb)'] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %s, pg_temp', func, (
      SELECT string_agg(quote_ident(s), ', ' ORDER BY place)
      FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (s, place)));
  END LOOP;
END
$do$;
