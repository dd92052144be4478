DO $do$
BEGIN
  EXECUTE replace(replace(pg_get_functiondef('llmproxy_config_recorded()'::regprocedure),
    $$json_object_agg(key, CASE$$, $$jsonb_object_agg(key, CASE$$),
    $$ELSE value END)::jsonb
    FROM$$, $$ELSE value END)
    FROM$$);
  EXECUTE replace(replace(pg_get_functiondef('llmproxy_params_masked(jsonb)'::regprocedure),
    $$coalesce(json_object_agg(key, CASE$$, $$coalesce(jsonb_object_agg(key, CASE$$),
    $$    END)::jsonb, '{}')$$, $$    END), '{}')$$);
  EXECUTE replace(
    pg_get_functiondef('llmproxy_change_rows(regclass, bigint[], jsonb, jsonb)'::regprocedure),
    $$json_agg(fields ORDER BY n)::jsonb$$, $$jsonb_agg(fields ORDER BY n)$$);
END
$do$;
