-- compatible-from: 5
-- Sums of each hour by end user and by tag, made with those of their day: the ends of a period that are no
-- whole days are no longer read from rows.
ALTER TABLE usage_folds ADD COLUMN end_user text;
-- Days that were summed before lack their hours, and so do those that an older daemon sums.
ALTER TABLE usage_folded ADD COLUMN has_hours boolean NOT NULL DEFAULT false;

-- Rows of before are summed in slices: the time that arrays of durations take grows with the square of a slice.
DO $do$
DECLARE
  def text := pg_get_functiondef('llmproxy_fill_rollups()'::regprocedure);
  old text := $$(SELECT date_trunc('hour', max(started_at), 'UTC') FROM request_logs
    WHERE started_at < until)$$;
BEGIN
  IF strpos(def, old) = 0 THEN
    RAISE EXCEPTION 'the function llmproxy_fill_rollups() is not as llmproxy made it';
  END IF;
  EXECUTE replace(def, old, $$(SELECT greatest(date_trunc('hour', max(started_at), 'UTC'), min(started_at)) FROM (
    SELECT started_at FROM request_logs WHERE started_at < until ORDER BY started_at DESC LIMIT 5000) AS newest)$$);
END
$do$;
