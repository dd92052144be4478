-- The function as migration 23 made it.
CREATE OR REPLACE FUNCTION llmproxy_rollup_statement(source text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT format($statement$
    INSERT INTO usage_rollups (dimensions, grain, bucket, credential_id, credential_name, team, model,
      provider, end_user, tag, requests, errors, prompt_tokens, completion_tokens, total_tokens,
      estimated_tokens, cached_prompt_tokens, cache_write_tokens, reasoning_tokens, cost_nano,
      unpriced_requests, cache_hits, saved_nano, duration_us, first_tokens, first_token_us, durations, first_token_times)
    SELECT * FROM (
      SELECT cube.dimensions, cube.grain, date_trunc(cube.grain, started_at, 'UTC'),
        CASE WHEN of_key THEN credential_id END, CASE WHEN of_key THEN credential_name END,
        CASE WHEN of_team THEN team END,
        CASE WHEN of_model THEN model END, CASE WHEN of_model THEN provider END,
        CASE WHEN cube.dimensions = 'user' THEN end_user END, each.tag,
        sum(sign) AS requests,
        sum(sign * (error IS NOT NULL OR (status >= 400 AND status <> 499))::int) AS errors,
        sum(sign * coalesce(prompt_tokens, 0)) AS prompt_tokens,
        sum(sign * coalesce(completion_tokens, 0)) AS completion_tokens,
        sum(sign * coalesce(total_tokens, 0)) AS total_tokens,
        sum(CASE WHEN usage_source = 'estimated' THEN sign * coalesce(total_tokens, 0) ELSE 0 END)
          AS estimated_tokens,
        sum(sign * coalesce((usage_classes ->> 'cacheRead')::numeric, 0)) AS cached_prompt_tokens,
        sum(sign * (coalesce((usage_classes ->> 'cacheWrite5m')::numeric, 0)
          + coalesce((usage_classes ->> 'cacheWrite1h')::numeric, 0))) AS cache_write_tokens,
        sum(sign * coalesce((usage_classes ->> 'reasoning')::numeric, 0)) AS reasoning_tokens,
        sum(sign * coalesce(cost_nano, 0)) AS cost_nano,
        sum(sign * (cost_nano IS NULL AND provider IS NOT NULL AND status < 400)::int)
          AS unpriced_requests,
        sum(sign * coalesce((cache = 'hit')::int, 0)) AS cache_hits,
        sum(sign * coalesce(saved_nano, 0)) AS saved_nano,
        sum(sign * round(duration_ms * 1000)) AS duration_us,
        sum(sign * (first_token_ms IS NOT NULL)::int) AS first_tokens,
        sum(sign * round(coalesce(first_token_ms, 0) * 1000)) AS first_token_us,
        array_agg((llmproxy_duration_bin(duration_ms) << 40) + sign),
        array_agg((llmproxy_duration_bin(first_token_ms) << 40) + sign)
          FILTER (WHERE first_token_ms IS NOT NULL)
      FROM (%s) AS logs
      CROSS JOIN (VALUES
        ('key', 'hour', true, true, false), ('key', 'day', true, true, false),
        ('model', 'hour', false, false, true), ('model', 'day', false, false, true),
        ('key_model', 'day', true, true, true),
        ('user', 'day', false, true, false), ('tag', 'day', false, true, false)
      ) AS cube (dimensions, grain, of_key, of_team, of_model)
      LEFT JOIN LATERAL jsonb_array_elements_text(CASE WHEN cube.dimensions = 'tag' THEN tags END)
        AS each (tag) ON true
      -- A copy for a mirror is no request of a client.
      WHERE started_at >= $1 AND mirror IS NULL
      GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    ) AS sums
    -- A change of other columns, such as of a body, changes no sum.
    WHERE (requests, errors, prompt_tokens, completion_tokens, total_tokens, estimated_tokens,
        cached_prompt_tokens, cache_write_tokens, reasoning_tokens, cost_nano, unpriced_requests,
        cache_hits, saved_nano, duration_us, first_tokens, first_token_us)
      IS DISTINCT FROM (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
  $statement$, source)
$$;
DROP AGGREGATE llmproxy_concat(bigint[]);
