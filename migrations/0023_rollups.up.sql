-- compatible-from: 5
-- Sums of request_logs by hour and day, and an index by which a request is found.

-- Log-scale bins of 2^(1/16), about 4.4 % wide, from 0.001 ms; the value of bin n is 2^((n - 160) / 16) ms.
CREATE FUNCTION llmproxy_duration_bin(ms double precision) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT floor(16 / ln(2::float8) * ln(greatest(ms, 0.001)))::bigint + 160
$$;

-- Each element is a bin and the number of requests in it: (bin << 40) + count. A count may be negative
-- where rows were changed or removed, until it is merged with the others of its bucket.
CREATE TYPE llmproxy_histogram AS (counts bigint[]);

-- Adds up histograms; the bins of the result are in order, each once.
CREATE FUNCTION llmproxy_merge_histograms(histograms llmproxy_histogram[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_agg((bin << 40) + requests ORDER BY bin) FROM (
    SELECT bin, sum(element - (bin << 40))::bigint AS requests
    FROM unnest(histograms) AS one, unnest(one.counts) AS element,
      LATERAL (SELECT (element + (1::bigint << 39)) >> 40 AS bin) AS decoded
    GROUP BY bin
  ) AS bins WHERE requests <> 0
$$;

-- Each stored batch of requests appends its sums here, so that no two writers wait for each other. The
-- daemon merges the rows of a bucket; sums over all rows of a bucket are right before and after that.
CREATE TABLE usage_rollups (
  dimensions          text NOT NULL, -- which of the columns from credential_id to tag have values
  grain               text NOT NULL CHECK (grain IN ('hour', 'day')),
  bucket              timestamptz NOT NULL, -- start of the hour or day in UTC
  is_merged           boolean NOT NULL DEFAULT false,
  credential_id       bigint,
  credential_name     text,
  team                text,
  model               text,
  provider            text,
  end_user            text,
  tag                 text,
  requests            bigint NOT NULL,
  errors              bigint NOT NULL,
  prompt_tokens       bigint NOT NULL,
  completion_tokens   bigint NOT NULL,
  total_tokens        bigint NOT NULL,
  estimated_tokens    bigint NOT NULL,
  cached_prompt_tokens bigint NOT NULL,
  cache_write_tokens  bigint NOT NULL,
  reasoning_tokens    bigint NOT NULL,
  cost_nano           bigint NOT NULL,
  unpriced_requests   bigint NOT NULL,
  cache_hits          bigint NOT NULL,
  saved_nano          bigint NOT NULL,
  duration_us         bigint NOT NULL,
  first_tokens        bigint NOT NULL, -- requests of which first_token_ms is known
  first_token_us      bigint NOT NULL,
  durations           bigint[], -- a histogram; null: empty
  first_token_times   bigint[] -- likewise
);
CREATE INDEX usage_rollups_bucket ON usage_rollups (dimensions, grain, bucket);
CREATE INDEX usage_rollups_unmerged ON usage_rollups (dimensions, grain, bucket) WHERE NOT is_merged;
COMMENT ON TABLE usage_rollups IS 'llmproxy: sums of request_logs by hour and day';

-- Requests that started before this are not in usage_rollups yet: the daemon adds them in slices, the
-- newest first. -infinity: all are.
CREATE TABLE usage_rollup_state (
  id          integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  filled_from timestamptz NOT NULL
);
COMMENT ON TABLE usage_rollup_state IS 'llmproxy: from when usage_rollups is complete';

-- The statement that appends the sums of `source`, a query of rows of request_logs with a `sign`: 1 adds
-- a row, -1 takes it out. Its parameter $1 is the time before which rows are left out. It is text, since
-- only the trigger's own statements see its transition tables.
CREATE FUNCTION llmproxy_rollup_statement(source text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT format($statement$
    INSERT INTO usage_rollups (dimensions, grain, bucket, credential_id, credential_name, team, model,
      provider, end_user, tag, requests, errors, prompt_tokens, completion_tokens, total_tokens,
      estimated_tokens, cached_prompt_tokens, cache_write_tokens, reasoning_tokens, cost_nano,
      unpriced_requests, cache_hits, saved_nano, duration_us, first_tokens, first_token_us, durations, first_token_times)
    SELECT * FROM (
      SELECT cube.dimensions, cube.grain, date_trunc(cube.grain, started_at, 'UTC'),
        CASE WHEN of_key THEN credential_id END, CASE WHEN of_key THEN credential_name END,
        CASE WHEN of_team THEN team END,
        CASE WHEN of_model THEN model END, CASE WHEN of_model THEN provider END,
        CASE WHEN cube.dimensions = 'user' THEN end_user END, each.tag,
        sum(sign) AS requests,
        sum(sign * (error IS NOT NULL OR (status >= 400 AND status <> 499))::int) AS errors,
        sum(sign * coalesce(prompt_tokens, 0)) AS prompt_tokens,
        sum(sign * coalesce(completion_tokens, 0)) AS completion_tokens,
        sum(sign * coalesce(total_tokens, 0)) AS total_tokens,
        sum(CASE WHEN usage_source = 'estimated' THEN sign * coalesce(total_tokens, 0) ELSE 0 END)
          AS estimated_tokens,
        sum(sign * coalesce((usage_classes ->> 'cacheRead')::numeric, 0)) AS cached_prompt_tokens,
        sum(sign * (coalesce((usage_classes ->> 'cacheWrite5m')::numeric, 0)
          + coalesce((usage_classes ->> 'cacheWrite1h')::numeric, 0))) AS cache_write_tokens,
        sum(sign * coalesce((usage_classes ->> 'reasoning')::numeric, 0)) AS reasoning_tokens,
        sum(sign * coalesce(cost_nano, 0)) AS cost_nano,
        sum(sign * (cost_nano IS NULL AND provider IS NOT NULL AND status < 400)::int)
          AS unpriced_requests,
        sum(sign * coalesce((cache = 'hit')::int, 0)) AS cache_hits,
        sum(sign * coalesce(saved_nano, 0)) AS saved_nano,
        sum(sign * round(duration_ms * 1000)) AS duration_us,
        sum(sign * (first_token_ms IS NOT NULL)::int) AS first_tokens,
        sum(sign * round(coalesce(first_token_ms, 0) * 1000)) AS first_token_us,
        array_agg((llmproxy_duration_bin(duration_ms) << 40) + sign),
        array_agg((llmproxy_duration_bin(first_token_ms) << 40) + sign)
          FILTER (WHERE first_token_ms IS NOT NULL)
      FROM (%s) AS logs
      CROSS JOIN (VALUES
        ('key', 'hour', true, true, false), ('key', 'day', true, true, false),
        ('model', 'hour', false, false, true), ('model', 'day', false, false, true),
        ('key_model', 'day', true, true, true),
        ('user', 'day', false, true, false), ('tag', 'day', false, true, false)
      ) AS cube (dimensions, grain, of_key, of_team, of_model)
      LEFT JOIN LATERAL jsonb_array_elements_text(CASE WHEN cube.dimensions = 'tag' THEN tags END)
        AS each (tag) ON true
      -- A copy for a mirror is no request of a client.
      WHERE started_at >= $1 AND mirror IS NULL
      GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    ) AS sums
    -- A change of other columns, such as of a body, changes no sum.
    WHERE (requests, errors, prompt_tokens, completion_tokens, total_tokens, estimated_tokens,
        cached_prompt_tokens, cache_write_tokens, reasoning_tokens, cost_nano, unpriced_requests,
        cache_hits, saved_nano, duration_us, first_tokens, first_token_us)
      IS DISTINCT FROM (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
  $statement$, source)
$$;

-- In the transaction of whoever stores, prices or removes rows.
CREATE FUNCTION llmproxy_roll_up() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  source text := CASE TG_OP
    WHEN 'INSERT' THEN 'SELECT 1 AS sign, * FROM new_rows'
    WHEN 'DELETE' THEN 'SELECT -1 AS sign, * FROM old_rows'
    WHEN 'UPDATE' THEN 'SELECT 1 AS sign, * FROM new_rows UNION ALL SELECT -1, * FROM old_rows' END;
  since    timestamptz := (SELECT filled_from FROM usage_rollup_state);
  is_older boolean;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM usage_rollups;
    UPDATE usage_rollup_state SET filled_from = '-infinity';
    RETURN NULL;
  END IF;
  IF since > '-infinity' THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM (%s) AS changed WHERE started_at < $1)', source)
      INTO is_older USING since;
    IF is_older THEN
      -- Whoever fills the slice of these rows has either not begun, and will see them, or has ended.
      SELECT filled_from INTO since FROM usage_rollup_state FOR SHARE;
    END IF;
  END IF;
  EXECUTE llmproxy_rollup_statement(source) USING since;
  RETURN NULL;
END
$$;

CREATE TRIGGER llmproxy_inserted AFTER INSERT ON request_logs REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_roll_up();
CREATE TRIGGER llmproxy_updated AFTER UPDATE ON request_logs
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_roll_up();
CREATE TRIGGER llmproxy_deleted AFTER DELETE ON request_logs REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_roll_up();
CREATE TRIGGER llmproxy_truncated AFTER TRUNCATE ON request_logs
  FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_roll_up();

-- All partitions there are, those made ahead too, are filled from their newest row on.
INSERT INTO usage_rollup_state (filled_from)
SELECT coalesce(date_trunc('day', max(started_at), 'UTC') + interval '1 day', '-infinity')
FROM request_logs;

-- Adds the newest hour whose requests are not in usage_rollups yet. Returns from when it is complete.
CREATE FUNCTION llmproxy_fill_rollups() RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  until timestamptz := (SELECT filled_from FROM usage_rollup_state FOR UPDATE);
  since timestamptz;
BEGIN
  IF until = '-infinity' THEN
    RETURN until;
  END IF;
  since := coalesce((SELECT date_trunc('hour', max(started_at), 'UTC') FROM request_logs
    WHERE started_at < until), '-infinity');
  UPDATE usage_rollup_state SET filled_from = since;
  EXECUTE llmproxy_rollup_statement(format(
    'SELECT 1 AS sign, * FROM request_logs WHERE started_at >= %L AND started_at < %L', since, until))
    USING since;
  RETURN since;
END
$$;

-- A hash of the id, by which `explain` finds a request of any day. Partitions that exist get theirs from
-- the daemon, one at a time and without blocking who writes; those to come are made with it.
DO $$
BEGIN
  EXECUTE 'CREATE INDEX request_logs_request_id ON '
    || CASE WHEN EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'request_logs'::regclass)
         THEN 'ONLY ' ELSE '' END
    || 'request_logs USING hash (request_id)';
END
$$;

-- Nobody can put a table of their own in the place of ours.
DO $do$
DECLARE
  func text;
BEGIN
  FOREACH func IN ARRAY ARRAY['llmproxy_roll_up()', 'llmproxy_fill_rollups()'] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %s, pg_temp', func, (
      SELECT string_agg(quote_ident(s), ', ' ORDER BY place)
      FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (s, place)));
  END LOOP;
END
$do$;
