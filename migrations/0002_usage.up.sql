-- One row for each finished request that came with a valid key and named a model. Partitions are
-- days in UTC, named request_logs_pYYYYMMDD; the daemon creates and drops them.
CREATE TABLE request_logs (
  started_at        timestamptz NOT NULL,
  uid               uuid NOT NULL, -- ours: makes storing a row twice harmless
  request_id        text NOT NULL, -- as sent by the client, or ours
  credential_id     bigint, -- null: the key is of an override file, or authentication is off
  credential_name   text NOT NULL,
  endpoint          text NOT NULL,
  model             text NOT NULL, -- as asked
  model_sent        text, -- as sent to the provider
  provider          text, -- the last one tried; null: none was
  attempts          integer NOT NULL,
  status            integer NOT NULL, -- as answered; 499: the client left before that
  error             text, -- the code of an error of the gateway's own
  prompt_tokens     bigint,
  completion_tokens bigint,
  total_tokens      bigint GENERATED ALWAYS AS (prompt_tokens + completion_tokens) STORED,
  usage_source      text CHECK (usage_source IN ('provider', 'estimated')),
  stream            boolean NOT NULL,
  complete          boolean NOT NULL, -- false: the answer was cut short
  duration_ms       double precision NOT NULL,
  upstream_ms       double precision NOT NULL,
  first_token_ms    double precision,
  PRIMARY KEY (started_at, uid)
) PARTITION BY RANGE (started_at);
COMMENT ON TABLE request_logs IS 'llmproxy: finished requests, by day';

-- Makes the partition of a day in UTC; does nothing when there is one. It is made apart and then
-- attached, since that lets others read and write the table meanwhile.
CREATE FUNCTION llmproxy_create_request_logs_partition(day date) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
  part text := 'request_logs_p' || to_char(day, 'YYYYMMDD');
BEGIN
  PERFORM pg_advisory_xact_lock(5716290419);
  -- to_regclass may still remember that there was none before the lock.
  IF EXISTS (
    SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'request_logs'::regclass AND c.relname = part
  ) THEN
    RETURN;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE request_logs INCLUDING ALL)', part);
  EXECUTE format(
    'ALTER TABLE request_logs ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
    part, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC'
  );
END
$$;

-- Drops the partitions of days before this one, and returns their names. Where another process is
-- at it, does nothing.
CREATE FUNCTION llmproxy_drop_request_logs_before(day date) RETURNS SETOF text
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
  part text;
BEGIN
  IF NOT pg_try_advisory_xact_lock(5716290419) THEN
    RETURN;
  END IF;
  FOR part IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'request_logs'::regclass
      AND c.relname ~ '^request_logs_p\d{8}$' AND right(c.relname, 8) < to_char(day, 'YYYYMMDD')
    ORDER BY c.relname
  LOOP
    EXECUTE format('DROP TABLE %I', part);
    RETURN NEXT part;
  END LOOP;
END
$$;
