-- compatible-from: 5
-- The share of a daemon that is silent is left to it for as long as it asked for, or as another daemon has
-- seen it since. One that hears the others asks for little: it stops using its share when they do not
-- confirm it. Daemons of older versions ask for nothing, and are left a minute as before.
ALTER TABLE limit_members
  ADD COLUMN reserved interval NOT NULL DEFAULT '60 seconds',
  ADD COLUMN kept timestamptz NOT NULL DEFAULT '-infinity'; -- when another daemon last saw it

DO $do$
DECLARE
  def   text := pg_get_functiondef('llmproxy_take_leases(text, text[], jsonb)'::regprocedure);
  edits text[] := ARRAY[
    $$DELETE FROM limit_members m WHERE m.daemon = ANY (dead) OR m.seen < clock_now - forget_after;$$,
    $$DELETE FROM limit_members m WHERE m.daemon = ANY (dead);$$,
    $$UPDATE limit_clock c SET at = clock_now, seconds = clock;$$,
    $$UPDATE limit_clock c SET at = clock_now, seconds = clock;
  -- The store was away for all of them: each has the time of a lease to come back.
  IF clock_now - before > lost_after THEN
    UPDATE limit_members m SET seen = greatest(m.seen, clock_now - lost_after);
  END IF;
  -- Fewer than half may be cut off from the others, who then keep to their shares.
  SELECT (count(*) FILTER (WHERE m.seen >= clock_now - lost_after) + 1) * 2 >= count(*) + 1
  INTO is_half FROM limit_members m WHERE m.daemon <> who;
  DELETE FROM limit_members m WHERE m.daemon <> who AND greatest(m.seen, m.kept)
    < clock_now - CASE WHEN is_half THEN m.reserved ELSE greatest(m.reserved, forget_after) END;$$,
    $$entry        record;$$,
    $$is_half      boolean;
  entry        record;$$];
BEGIN
  FOR i IN 1 .. cardinality(edits) / 2 LOOP
    IF strpos(def, edits[2 * i - 1]) = 0 THEN
      RAISE EXCEPTION 'the function llmproxy_take_leases is not as llmproxy made it';
    END IF;
    def := replace(def, edits[2 * i - 1], edits[2 * i]);
  END LOOP;
  EXECUTE def;
END
$do$;
