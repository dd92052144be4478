DO $do$
DECLARE
  func text;
BEGIN
  FOREACH func IN ARRAY ARRAY['llmproxy_rollup_statement(text)', 'llmproxy_roll_up()'] LOOP
    EXECUTE replace(pg_get_functiondef(func::regprocedure), $$
        ('total', 'hour', false, false, false), ('team', 'hour', false, true, false),$$, '');
  END LOOP;
END
$do$;
DELETE FROM usage_rollups WHERE dimensions IN ('total', 'team');
ALTER TABLE usage_rollup_state DROP COLUMN totals_from;
