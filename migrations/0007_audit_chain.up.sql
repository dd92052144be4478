-- compatible-from: 5
-- The audit log only grows, and each entry is bound to all before it by a hash: whoever changes or
-- removes one must forge every later one, and what was exported before proves it.
CREATE TABLE audit_chain (
  place bigint PRIMARY KEY, -- 1, 2, 3, … in the order in which entries were written
  id    bigint NOT NULL UNIQUE, -- of audit_log
  hash  text NOT NULL -- SHA-256 in hex of the hash before, or 64 zeros, and of the entry as text
);
COMMENT ON TABLE audit_chain IS 'llmproxy: hashes of the audit log, see llmproxy audit verify';

CREATE FUNCTION llmproxy_audit_hash(state text, before text, entry text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT encode(sha256(convert_to(coalesce(state, before) || entry, 'UTF8')), 'hex')
$$;

-- As a window function it gives each row the hash over all rows to it.
CREATE AGGREGATE llmproxy_audit_hashes(before text, entry text) (
  SFUNC = llmproxy_audit_hash, STYPE = text
);

-- An entry as text. src/db/queries/audit-chain.ts has the same words, so that verifying does not
-- depend on a function that may have been replaced.
CREATE FUNCTION llmproxy_audit_text(a audit_log) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('id', a.id,
    'at', to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'actor', a.actor, 'source', a.source, 'action', a.action, 'kind', a.kind, 'object', a.object,
    'row_id', a.row_id, 'version', a.version, 'message', a.message,
    'before', a.before, 'after', a.after)::text
$$;

INSERT INTO audit_chain (place, id, hash)
SELECT row_number() OVER ids, a.id,
  llmproxy_audit_hashes(repeat('0', 64), llmproxy_audit_text(a)) OVER ids
FROM audit_log a WINDOW ids AS (ORDER BY a.id);

CREATE FUNCTION llmproxy_audit_chained() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  last record;
  kept bigint;
BEGIN
  -- One writer at a time, so that there is one order.
  LOCK TABLE audit_chain IN SHARE ROW EXCLUSIVE MODE;
  SELECT coalesce(max(place), 0) AS place, coalesce(
    (SELECT hash FROM audit_chain ORDER BY place DESC LIMIT 1), repeat('0', 64)) AS hash
  INTO last FROM audit_chain;
  INSERT INTO audit_chain (place, id, hash)
  SELECT last.place + row_number() OVER ids, a.id,
    llmproxy_audit_hashes(last.hash, llmproxy_audit_text(a)) OVER ids
  FROM audit_log a WHERE a.id IN (SELECT id FROM new_rows) WINDOW ids AS (ORDER BY a.id);
  -- Of what the log no longer keeps, the last hash stays: what is kept is bound to it.
  SELECT max(id) INTO kept FROM audit_chain
  WHERE id <= (SELECT max(id) FROM audit_log) - 1000000;
  DELETE FROM audit_chain WHERE id < kept;
  RETURN NULL;
END
$$;

-- The million newest entries can be neither changed nor removed.
CREATE FUNCTION llmproxy_audit_kept() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.id <= (SELECT max(id) FROM audit_log) - 1000000 THEN
      RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION 'the audit log only grows: % of % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'LP003';
END
$$;

CREATE TRIGGER llmproxy_chained AFTER INSERT ON audit_log REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_audit_chained();
DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['audit_log', 'audit_chain'] LOOP
    EXECUTE format('CREATE TRIGGER llmproxy_kept BEFORE UPDATE OR DELETE ON %I
      FOR EACH ROW EXECUTE FUNCTION llmproxy_audit_kept()', tab);
    EXECUTE format('CREATE TRIGGER llmproxy_kept_all BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_audit_kept()', tab);
  END LOOP;
END
$$;

-- Nobody can put a table of their own in the place of ours.
DO $$
DECLARE
  func text;
BEGIN
  FOREACH func IN ARRAY ARRAY['llmproxy_audit_chained()', 'llmproxy_audit_kept()'] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %s, pg_temp', func, (
      SELECT string_agg(quote_ident(s), ', ' ORDER BY place)
      FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (s, place)));
  END LOOP;
END
$$;
