-- compatible-from: 5
-- The daemons of this database, and the limits that hold over all of them. These tables are not
-- logged: daemons fill them again within seconds after a crash or failover of the server.

CREATE UNLOGGED TABLE daemons (
  id             text PRIMARY KEY,
  host           text NOT NULL,
  version        text NOT NULL,
  pid            integer NOT NULL,
  workers        integer NOT NULL DEFAULT 0,
  listeners      jsonb NOT NULL DEFAULT '[]', -- URLs
  state          text NOT NULL DEFAULT 'starting' CHECK (state IN ('starting', 'serving', 'draining')),
  config_version bigint, -- the active one; null before the first
  shares_limits  boolean NOT NULL DEFAULT false, -- false: it is the only one, and keeps them itself
  limit_store    text NOT NULL DEFAULT 'postgres', -- where it leases them from
  place          text NOT NULL, -- of its data directory: the daemon that takes over from it has the same
  machine        text, -- where its process ids mean something
  processes      jsonb NOT NULL DEFAULT '[]', -- {pid, started} of each
  started_at     timestamptz NOT NULL DEFAULT now(),
  heartbeat      timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
COMMENT ON TABLE daemons IS 'llmproxy: the daemons of this database';

ALTER TABLE request_logs ADD COLUMN daemon text; -- the id of the one that served

-- Who leases from the limits now.
CREATE UNLOGGED TABLE limit_members (
  daemon text PRIMARY KEY,
  seen   timestamptz NOT NULL,
  size   integer NOT NULL -- how many there were, as it was told: its share while it is cut off
);

-- The time for which limits have refilled, in seconds. It runs slower while a daemon is cut off, by
-- the share that this daemon takes meanwhile.
CREATE UNLOGGED TABLE limit_clock (
  one     boolean PRIMARY KEY DEFAULT true CHECK (one),
  at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  seconds double precision NOT NULL DEFAULT 0
);

-- What is left of each limit, and what daemons hold of it.
CREATE UNLOGGED TABLE limit_leases (
  name    text PRIMARY KEY,
  tokens  double precision NOT NULL, -- below 0 where some are owed
  seconds double precision NOT NULL, -- of the clock, when there were so many
  held    jsonb NOT NULL DEFAULT '{}', -- by daemon
  used_at timestamptz NOT NULL DEFAULT now()
);

-- Settles and leases for one daemon, all in one go. `src/daemon/fleet/valkey-script.ts` does the same.
-- `dead` are members that are known to have ended. `entries` are {name, rate, burst, held, returned,
-- owed, want, least, level, isFirst}; a limit without a rate has slots, which come back by return.
CREATE FUNCTION llmproxy_take_leases(who text, dead text[], entries jsonb)
RETURNS TABLE (name text, granted double precision, tokens_left double precision, size integer, rank integer)
LANGUAGE plpgsql SET search_path FROM CURRENT SET synchronous_commit = off AS $$
#variable_conflict use_column
DECLARE
  lost_after   constant interval := '2 seconds';
  forget_after constant interval := '60 seconds';
  clock_now    timestamptz;
  before       timestamptz;
  clock        double precision;
  members      integer;
  place        integer;
  away         double precision; -- the share of those that are cut off
  entry        record;
  known        record;
  others       double precision;
  mine         double precision;
  room         double precision;
  free         double precision;
  given        double precision;
BEGIN
  INSERT INTO limit_clock DEFAULT VALUES ON CONFLICT DO NOTHING;
  -- One at a time: whoever holds this row settles and leases.
  SELECT c.at, c.seconds INTO before, clock FROM limit_clock c FOR UPDATE;
  clock_now := greatest(clock_timestamp(), before);
  DELETE FROM limit_members m WHERE m.daemon = ANY (dead) OR m.seen < clock_now - forget_after;
  -- The caller may have been cut off until now, so its share counts before it is seen.
  SELECT clock + greatest(0, extract(epoch FROM clock_now - before) - coalesce(sum(
    extract(epoch FROM greatest(interval '0', clock_now - greatest(before, m.seen + lost_after)))
      / greatest(2, m.size)), 0))
  INTO clock FROM limit_members m;
  UPDATE limit_clock c SET at = clock_now, seconds = clock;
  INSERT INTO limit_members AS m (daemon, seen, size) VALUES (who, clock_now, 1)
  ON CONFLICT ON CONSTRAINT limit_members_pkey DO UPDATE SET seen = EXCLUDED.seen;
  SELECT count(*), count(*) FILTER (WHERE m.daemon <= who),
    coalesce(sum(1.0 / greatest(2, m.size)) FILTER (WHERE m.seen < clock_now - lost_after), 0)
  INTO members, place, away FROM limit_members m;
  UPDATE limit_members m SET size = members WHERE m.daemon = who;

  FOR entry IN
    SELECT e.* FROM jsonb_to_recordset(entries) AS e (
      name text, rate double precision, burst double precision, held double precision,
      returned double precision, owed double precision, want double precision,
      least double precision, level double precision, "isFirst" boolean)
  LOOP
    INSERT INTO limit_leases AS l (name, tokens, seconds)
    VALUES (entry.name, least(entry.burst, coalesce(entry.level, entry.burst)), clock)
    ON CONFLICT DO NOTHING;
    SELECT l.tokens, l.seconds, l.held INTO known FROM limit_leases l WHERE l.name = entry.name;
    mine := coalesce((known.held ->> who)::double precision, 0);
    IF entry.rate > 0 THEN
      SELECT coalesce(sum(h.value::double precision), 0) INTO others
      FROM jsonb_each_text(known.held) AS h JOIN limit_members m ON m.daemon = h.key
      WHERE h.key <> who AND m.seen >= clock_now - lost_after;
      -- What is held counts: no more than a burst is ever there at once. One that is cut off has its
      -- share of the burst instead.
      room := greatest(0, entry.burst * greatest(0, 1 - away) - others - entry.held);
      free := known.tokens + (clock - known.seconds) * entry.rate
        + least(entry.returned, greatest(0, mine - entry.held));
      IF entry."isFirst" AND entry.level IS NOT NULL THEN free := least(free, entry.level); END IF;
      free := least(room, least(room, free) - entry.owed);
    ELSE
      -- A daemon that is cut off has its share of the slots, and those that it held.
      SELECT coalesce(sum(CASE WHEN m.seen < clock_now - lost_after
        THEN greatest(ceil(entry.burst / greatest(2, m.size)), coalesce((known.held ->> m.daemon)::double precision, 0))
        ELSE coalesce((known.held ->> m.daemon)::double precision, 0) END), 0)
      INTO others FROM limit_members m WHERE m.daemon <> who;
      free := entry.burst - others - entry.held;
    END IF;
    given := CASE WHEN floor(free) >= greatest(1, entry.least) THEN least(entry.want, floor(free)) ELSE 0 END;
    free := free - given;
    UPDATE limit_leases l SET tokens = free, seconds = clock, used_at = clock_now,
      held = (SELECT coalesce(jsonb_object_agg(m.daemon, known.held -> m.daemon), '{}')
        FROM limit_members m WHERE m.daemon <> who AND known.held ? m.daemon)
        || CASE WHEN entry.held + given > 0 THEN jsonb_build_object(who, entry.held + given) ELSE '{}' END
    WHERE l.name = entry.name;
    RETURN QUERY SELECT entry.name, given, free, members, place;
  END LOOP;
  IF NOT FOUND THEN
    RETURN QUERY SELECT NULL::text, 0::double precision, 0::double precision, members, place;
  END IF;
END
$$;

-- Nobody can put a table of their own in the place of ours.
DO $do$
BEGIN
  EXECUTE format('ALTER FUNCTION llmproxy_take_leases(text, text[], jsonb) SET search_path = %s, pg_temp', (
    SELECT string_agg(quote_ident(s), ', ' ORDER BY place)
    FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (s, place)));
END
$do$;
