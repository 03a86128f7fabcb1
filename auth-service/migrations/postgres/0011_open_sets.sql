-- Sets that may grow, without a list of their values: a check would refuse a later version's row. The code reads them.
-- step
alter table log_head drop constraint if exists log_head_kind_check;

-- step
alter table allowances drop constraint if exists allowances_kind_check;

-- step
alter table signing_keys drop constraint if exists signing_keys_algorithm_check;
