-- compatible-from: 5
-- Functions made with the search path of a role find nothing when another role, such as a DBA with
-- plain SQL, sets off a trigger: "$user" is another schema then. They get the schemas themselves.
DO $$
DECLARE
  func regprocedure;
BEGIN
  FOR func IN
    SELECT p.oid FROM pg_proc p
    WHERE p.pronamespace = ANY (SELECT to_regnamespace(quote_ident(s)) FROM unnest(current_schemas(false)) s)
      AND p.proname ~ '^llmproxy_'
      AND EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c ~ '^search_path=')
  LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %s, pg_temp', func, (
      SELECT string_agg(quote_ident(s), ', ' ORDER BY place)
      FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (s, place)));
  END LOOP;
END
$$;
