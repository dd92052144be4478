-- compatible-from: 5
-- Sums of whole days and weeks, made of rows once a day is over: by more dimensions than sums that are
-- appended with each batch, and so few that a month by key is read at once.

-- Days and weeks of usage_folds. A change of rows removes its day and week, which are then made again.
CREATE TABLE usage_folded (
  grain       text NOT NULL CHECK (grain IN ('day', 'week')),
  bucket      timestamptz NOT NULL, -- start of the day or week in UTC
  is_complete boolean NOT NULL DEFAULT false, -- false: it is being made
  PRIMARY KEY (grain, bucket)
);
COMMENT ON TABLE usage_folded IS 'llmproxy: days and weeks that usage_folds has';

-- Columns as those of usage_rollups. Counts are null where they are 0: most are, for keys seldom used.
CREATE TABLE usage_folds (
  dimensions          text NOT NULL, -- which of the columns from credential_id to tag have values
  grain               text NOT NULL,
  bucket              timestamptz NOT NULL,
  credential_id       bigint,
  credential_name     text,
  team                text,
  model               text,
  provider            text,
  tag                 text,
  requests            bigint NOT NULL,
  errors              bigint,
  prompt_tokens       bigint,
  completion_tokens   bigint,
  total_tokens        bigint,
  estimated_tokens    bigint,
  cost_nano           bigint,
  unpriced_requests   bigint,
  cache_hits          bigint,
  saved_nano          bigint,
  cached_prompt_tokens bigint,
  duration_us         bigint,
  first_tokens        bigint,
  first_token_us      bigint,
  durations           bigint[], -- as in usage_rollups, but a bin may occur several times
  first_token_times   bigint[]
);
CREATE INDEX usage_folds_bucket ON usage_folds (dimensions, grain, bucket, tag);
COMMENT ON TABLE usage_folds IS 'llmproxy: sums of request_logs by whole day and week';

-- Edits the text of functions, and nothing else of them: their rights and search path stay.
CREATE FUNCTION pg_temp.edit_function(func regprocedure, edits text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  def  text := pg_get_functiondef(func);
  edit integer;
BEGIN
  FOR edit IN 1 .. cardinality(edits) / 2 LOOP
    IF strpos(def, edits[2 * edit - 1]) = 0 THEN
      RAISE EXCEPTION 'the function % is not as llmproxy made it', func;
    END IF;
    def := replace(def, edits[2 * edit - 1], edits[2 * edit]);
  END LOOP;
  EXECUTE def;
END
$$;
-- The statement for new rows is part of the function, so that it is planned once for a connection.
SELECT pg_temp.edit_function('llmproxy_roll_up()', ARRAY[
  $$    DELETE FROM usage_rollups;$$,
  $$    DELETE FROM usage_rollups;
    DELETE FROM usage_folded;$$,
  $$  EXECUTE llmproxy_rollup_statement(source) USING since;$$,
  $$  IF TG_OP = 'INSERT' THEN
    PERFORM FROM new_rows WHERE started_at < (
      SELECT max(bucket) + interval '24 hours' FROM usage_folded WHERE grain = 'day') LIMIT 1;
  END IF;
  IF TG_OP <> 'INSERT' OR FOUND THEN
    EXECUTE format('DELETE FROM usage_folded WHERE grain = ''day'' AND bucket IN (
      SELECT date_trunc(''day'', started_at, ''UTC'') FROM (%s) AS changed)', source);
    -- After that: whoever makes the week has ended then.
    EXECUTE format('DELETE FROM usage_folded WHERE grain = ''week'' AND bucket IN (
      SELECT date_trunc(''week'', started_at, ''UTC'') FROM (%s) AS changed)', source);
  END IF;
  IF TG_OP = 'INSERT' THEN
    $$ || replace(llmproxy_rollup_statement('SELECT 1 AS sign, * FROM new_rows'), '$1', 'since') || $$;
    RETURN NULL;
  END IF;
  EXECUTE llmproxy_rollup_statement(source) USING since;$$
]);
DROP FUNCTION pg_temp.edit_function(regprocedure, text[]);
