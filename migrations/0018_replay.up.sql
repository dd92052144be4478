-- compatible-from: 5
-- What requests asked of limits and budgets when they came, so that a replay can ask the same.
-- Nullable columns without defaults: nothing is rewritten.
ALTER TABLE request_logs
  ADD COLUMN need_input  bigint, -- tokens; null: the key and its team had no such limits
  ADD COLUMN need_output bigint,
  ADD COLUMN need_nano   bigint; -- nano-dollars of hard budgets
