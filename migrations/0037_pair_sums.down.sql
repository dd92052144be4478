DROP INDEX usage_folds_key_model;
