-- A parser of URLs leaves out tabs and line breaks, and reads a backslash as a slash: what providers
-- were reached by all along is now written so, since other spellings are refused.
UPDATE providers
SET api_base = replace(replace(btrim(translate(api_base, E'\t\r\n', '')), '\', '/'), ' ', '%20')
WHERE api_base ~ E'[\\s\\\\]';
