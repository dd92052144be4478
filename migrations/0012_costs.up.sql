-- compatible-from: 5
-- What each request cost. Nullable columns without defaults: nothing is rewritten, however many rows
-- there are, and the lock on the table is held for an instant.
ALTER TABLE request_logs
  ADD COLUMN usage_classes  jsonb, -- what is charged for but plain text in and out
  ADD COLUMN cost_nano      bigint, -- nano-dollars; null: no price is known
  ADD COLUMN currency       text,
  ADD COLUMN price_revision text;

-- What rows were priced with, by the revision that they name. Rows are never changed.
CREATE TABLE price_revisions (
  revision   text PRIMARY KEY,
  price      jsonb NOT NULL,
  first_used timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE price_revisions IS 'llmproxy: prices as they were when requests were charged';
