-- compatible-from: 5
-- PostgreSQL takes quadratic time to put a long list or object into jsonb_object_agg and jsonb_agg: half a
-- minute for a key that may use 80,000 models. By way of json it takes as long as the text is.

-- Edits the text of functions, and nothing else of them: their rights and search path stay.
CREATE FUNCTION pg_temp.edit_function(func regprocedure, edits text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  def  text := pg_get_functiondef(func);
  edit integer;
BEGIN
  FOR edit IN 1 .. cardinality(edits) / 2 LOOP
    IF strpos(def, edits[2 * edit - 1]) = 0 THEN
      RAISE EXCEPTION 'the function % is not as llmproxy made it', func;
    END IF;
    def := replace(def, edits[2 * edit - 1], edits[2 * edit]);
  END LOOP;
  EXECUTE def;
END
$$;
SELECT pg_temp.edit_function('llmproxy_config_recorded()', ARRAY[
  $$jsonb_object_agg(key, CASE$$, $$json_object_agg(key, CASE$$,
  $$ELSE value END)
    FROM$$, $$ELSE value END)::jsonb
    FROM$$
]);
SELECT pg_temp.edit_function('llmproxy_params_masked(jsonb)', ARRAY[
  $$coalesce(jsonb_object_agg(key, CASE$$, $$coalesce(json_object_agg(key, CASE$$,
  $$    END), '{}')$$, $$    END)::jsonb, '{}')$$
]);
SELECT pg_temp.edit_function('llmproxy_change_rows(regclass, bigint[], jsonb, jsonb)', ARRAY[
  $$jsonb_agg(fields ORDER BY n)$$, $$json_agg(fields ORDER BY n)::jsonb$$
]);
DROP FUNCTION pg_temp.edit_function(regprocedure, text[]);
