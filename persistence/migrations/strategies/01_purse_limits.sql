-- Principal that comes back frees the limits it was lent under: one more step for purses.

ALTER TABLE purse_instruction
    DROP CONSTRAINT purse_instruction_operation_check,
    ADD CONSTRAINT purse_instruction_operation_check CHECK (operation IN (
        'deposit', 'limits', 'free_use', 'post', 'refund', 'lend', 'hold', 'pay_out', 'void_hold')),
    ADD COLUMN freed_cents jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN purse_instruction.strategy_limits IS 'cents by limit key: budgets, caps of terms, paces of months';
COMMENT ON COLUMN purse_instruction.freed_cents IS 'cents by limit key that no longer count, because principal came back';
COMMENT ON COLUMN lender_settings.limits_version IS 'the last version of reserve and limits given to the purse';
