-- Were each secret the only one of its kind, a registration would tell whether somebody else has this one. A key is
-- looked up by its id, and its secret compared.

ALTER TABLE access_key DROP CONSTRAINT access_key_secret_hash_key;
