-- The function as migration 23 made it.
DO $do$
DECLARE
  def text := pg_get_functiondef('llmproxy_roll_up()'::regprocedure);
BEGIN
  def := replace(def, $$
    DELETE FROM usage_folded;$$, '');
  def := regexp_replace(def, $$\n  IF TG_OP = 'INSERT' THEN\n    PERFORM FROM new_rows.*(\n  EXECUTE llmproxy_rollup_statement)$$, '\1');
  EXECUTE def;
END
$do$;
DROP TABLE usage_folds;
DROP TABLE usage_folded;
