DO $do$
DECLARE
  def    text := pg_get_functiondef('llmproxy_take_leases(text, text[], jsonb)'::regprocedure);
  first  integer := strpos(def, '  -- The store was away for all of them');
  behind integer := strpos(def, '  INSERT INTO limit_members AS m');
BEGIN
  def := left(def, first - 1) || substr(def, behind);
  def := replace(def, $$is_half      boolean;
  $$, '');
  EXECUTE replace(def, $$WHERE m.daemon = ANY (dead);$$,
    $$WHERE m.daemon = ANY (dead) OR m.seen < clock_now - forget_after;$$);
END
$do$;
ALTER TABLE limit_members DROP COLUMN reserved, DROP COLUMN kept;
