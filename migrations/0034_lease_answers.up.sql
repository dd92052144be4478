-- compatible-from: 5
-- Leases that keep a limit also where an answer is lost or the tables come back empty: a daemon counts as
-- seen when it confirms an answer, not when the database reads its question. Daemons of before go on with
-- the function of three arguments.

-- Like the other one, with `acked`: the time of the last answer that the daemon has received, in seconds
-- since 1970; null: it has none yet. `known` is the number of daemons of that answer. From then on the
-- daemon may have taken its share by itself.
CREATE FUNCTION llmproxy_take_leases(
  who text, dead text[], entries jsonb, acked double precision, known integer)
RETURNS TABLE (
  name text, granted double precision, tokens_left double precision, size integer, rank integer,
  answered_at double precision)
LANGUAGE plpgsql SET search_path FROM CURRENT SET synchronous_commit = off AS $$
#variable_conflict use_column
DECLARE
  lost_after   constant interval := '2 seconds';
  long_lost    constant interval := '3 seconds';
  forget_after constant interval := '60 seconds';
  is_empty     boolean;
  clock_now    timestamptz;
  now_seconds  double precision;
  before       timestamptz;
  clock        double precision;
  members      integer;
  place        integer;
  away         double precision; -- the share of those that are cut off
  entry        record;
  row_before   record;
  others       double precision;
  mine         double precision;
  room         double precision;
  free         double precision;
  given        double precision;
BEGIN
  INSERT INTO limit_clock DEFAULT VALUES ON CONFLICT DO NOTHING;
  is_empty := FOUND;
  -- One at a time: whoever holds this row settles and leases.
  SELECT c.at, c.seconds INTO before, clock FROM limit_clock c FOR UPDATE;
  clock_now := greatest(clock_timestamp(), before);
  now_seconds := extract(epoch FROM clock_now);
  DELETE FROM limit_members m WHERE m.daemon = ANY (dead) OR m.seen < clock_now - forget_after;
  SELECT clock + greatest(0, extract(epoch FROM clock_now - before) - coalesce(sum(
    extract(epoch FROM greatest(interval '0', clock_now - greatest(before, m.seen + lost_after)))
      / greatest(2, m.size)), 0))
  INTO clock FROM limit_members m;
  UPDATE limit_clock c SET at = clock_now, seconds = clock;
  IF is_empty THEN
    -- The tables were lost: the other daemons keep to their shares until each of them is back.
    INSERT INTO limit_members (daemon, seen, size)
    SELECT '?' || n, clock_now - long_lost, known FROM generate_series(2, known) AS n;
  ELSIF acked IS NOT NULL AND NOT EXISTS (SELECT FROM limit_members m WHERE m.daemon = who) THEN
    DELETE FROM limit_members m WHERE m.daemon = (
      SELECT min(o.daemon) FROM limit_members o WHERE o.daemon LIKE '?%');
  END IF;
  INSERT INTO limit_members AS m (daemon, seen, size)
  VALUES (who, least(clock_now, to_timestamp(acked)), 1)
  ON CONFLICT ON CONSTRAINT limit_members_pkey DO UPDATE
  SET seen = CASE WHEN acked IS NULL THEN m.seen ELSE greatest(m.seen, EXCLUDED.seen) END;
  SELECT count(*), count(*) FILTER (WHERE m.daemon <= who),
    coalesce(sum(1.0 / greatest(2, m.size)) FILTER (WHERE m.seen < clock_now - lost_after), 0)
  INTO members, place, away FROM limit_members m;
  -- Until this answer is confirmed, the share may be that of the last one.
  UPDATE limit_members m SET size = least(members, known) WHERE m.daemon = who;

  FOR entry IN
    SELECT e.* FROM jsonb_to_recordset(entries) AS e (
      name text, rate double precision, burst double precision, held double precision,
      returned double precision, owed double precision, want double precision,
      least double precision, level double precision, "isFirst" boolean)
  LOOP
    INSERT INTO limit_leases AS l (name, tokens, seconds)
    VALUES (entry.name, least(entry.burst, coalesce(entry.level, entry.burst)), clock)
    ON CONFLICT DO NOTHING;
    SELECT l.tokens, l.seconds, l.held INTO row_before FROM limit_leases l WHERE l.name = entry.name;
    mine := coalesce((row_before.held ->> who)::double precision, 0);
    IF entry.rate > 0 THEN
      SELECT coalesce(sum(h.value::double precision), 0) INTO others
      FROM jsonb_each_text(row_before.held) AS h JOIN limit_members m ON m.daemon = h.key
      WHERE h.key <> who AND m.seen >= clock_now - lost_after;
      -- Tokens that are held count: no more than a burst is ever there at once. One that is cut off has its
      -- share of the burst instead.
      room := greatest(0, entry.burst * greatest(0, 1 - away) - others - entry.held);
      free := row_before.tokens + (clock - row_before.seconds) * entry.rate
        + least(entry.returned, greatest(0, mine - entry.held));
      IF entry."isFirst" AND entry.level IS NOT NULL THEN free := least(free, entry.level); END IF;
      free := least(room, least(room, free) - entry.owed);
    ELSE
      -- A daemon that is cut off has its share of the slots, and those that it held.
      SELECT coalesce(sum(CASE WHEN m.seen < clock_now - lost_after
        THEN greatest(ceil(entry.burst / greatest(2, m.size)), coalesce((row_before.held ->> m.daemon)::double precision, 0))
        ELSE coalesce((row_before.held ->> m.daemon)::double precision, 0) END), 0)
      INTO others FROM limit_members m WHERE m.daemon <> who;
      free := entry.burst - others - entry.held;
    END IF;
    given := CASE WHEN floor(free) >= greatest(1, entry.least) THEN least(entry.want, floor(free)) ELSE 0 END;
    free := free - given;
    UPDATE limit_leases l SET tokens = free, seconds = clock, used_at = clock_now,
      held = (SELECT coalesce(jsonb_object_agg(m.daemon, row_before.held -> m.daemon), '{}')
        FROM limit_members m WHERE m.daemon <> who AND row_before.held ? m.daemon)
        || CASE WHEN entry.held + given > 0 THEN jsonb_build_object(who, entry.held + given) ELSE '{}' END
    WHERE l.name = entry.name;
    RETURN QUERY SELECT entry.name, given, free, members, place, now_seconds;
  END LOOP;
  IF NOT FOUND THEN
    RETURN QUERY SELECT NULL::text, 0::double precision, 0::double precision, members, place, now_seconds;
  END IF;
END
$$;

-- Nobody can put a table of their own in the place of ours.
DO $do$
BEGIN
  EXECUTE format('ALTER FUNCTION llmproxy_take_leases(text, text[], jsonb, double precision, integer)
    SET search_path = %s, pg_temp', (
    SELECT string_agg(quote_ident(s), ', ' ORDER BY place)
    FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (s, place)));
END
$do$;
