-- compatible-from: 5
-- Sums of each hour for all requests together and by team: a report without other dimensions reads as many
-- rows as it shows, however many models and keys there are.

-- Edits the text of functions, and nothing else of them: their rights and search path stay.
CREATE FUNCTION pg_temp.edit_function(func regprocedure, old text, new text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  def text := pg_get_functiondef(func);
BEGIN
  IF strpos(def, old) = 0 THEN
    RAISE EXCEPTION 'the function % is not as llmproxy made it', func;
  END IF;
  EXECUTE replace(def, old, new);
END
$$;
SELECT pg_temp.edit_function(func::regprocedure, $$
        ('key', 'hour', true, true, false),$$, $$
        ('total', 'hour', false, false, false), ('team', 'hour', false, true, false),
        ('key', 'hour', true, true, false),$$)
FROM unnest(ARRAY['llmproxy_rollup_statement(text)', 'llmproxy_roll_up()']) AS func;
DROP FUNCTION pg_temp.edit_function(regprocedure, text, text);

-- Hours before this lack them, and so may those of rows that are being stored right now.
ALTER TABLE usage_rollup_state ADD COLUMN totals_from timestamptz NOT NULL DEFAULT '-infinity';
UPDATE usage_rollup_state SET totals_from = date_trunc('hour', now(), 'UTC') + interval '2 hours'
WHERE EXISTS (SELECT FROM usage_rollups);
