-- Requests at once at most, where that is not the rate limit; and where a key may be used from.
ALTER TABLE credentials
  ADD COLUMN burst       integer CHECK (burst >= 1), -- null: as many as rate_limit
  ADD COLUMN allowed_ips jsonb; -- addresses and networks; null: all

-- Going back to a version from before this removes both.
UPDATE config_changes SET
  before = before || '{"burst": null, "allowed_ips": null}',
  after = after || '{"burst": null, "allowed_ips": null}'
WHERE tab = 'credentials';
