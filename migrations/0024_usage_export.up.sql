-- compatible-from: 5
-- Rows on their way to another system, while a daemon exports them: see usage.export.

-- At most one row: the export that daemons have been told to make.
CREATE TABLE usage_exports (
  id          integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  wanted_at   timestamptz NOT NULL DEFAULT now(), -- when a daemon last asked for it
  holder      text, -- the daemon that sends; one at a time
  held_until  timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE usage_exports IS 'llmproxy: the export of requests';

-- Rows that are not delivered, in the order in which they were stored.
CREATE TABLE usage_export_queue (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  started_at timestamptz NOT NULL,
  uid        uuid NOT NULL,
  queued_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE usage_export_queue IS 'llmproxy: requests that are not exported yet';

CREATE FUNCTION llmproxy_queue_export() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT FROM usage_exports) THEN
    INSERT INTO usage_export_queue (started_at, uid)
    SELECT started_at, uid FROM new_rows WHERE mirror IS NULL ORDER BY started_at, uid;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER llmproxy_queued AFTER INSERT ON request_logs REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_queue_export();

-- Nobody can put a table of their own in the place of ours.
DO $do$
BEGIN
  EXECUTE format('ALTER FUNCTION llmproxy_queue_export() SET search_path = %s, pg_temp', (
    SELECT string_agg(quote_ident(s), ', ' ORDER BY place)
    FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (s, place)));
END
$do$;
