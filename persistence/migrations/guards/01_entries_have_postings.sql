-- An entry without postings would be a fact that moved nothing and that nothing contradicts. Postings come after their
-- entry, in the same transaction, so this is looked at when that ends; once there is one, the others are there as well.

CREATE FUNCTION refuse_entry_without_postings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM posting WHERE entry_id = NEW.id) THEN
        RAISE EXCEPTION 'entry % has no postings: % were announced', NEW.id, NEW.posting_count
            USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_entry_balances';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER journal_entry_has_postings AFTER INSERT ON journal_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_entry_without_postings();
