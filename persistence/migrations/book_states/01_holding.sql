-- A request that waited beyond its company's patience holds what it can get.

ALTER TABLE cover
    DROP CONSTRAINT cover_released_why_check,
    ADD CONSTRAINT cover_released_why_check CHECK (
        released_why IN ('failed', 'cancelled', 'lapsed', 'expired', 'yielded')),
    ADD COLUMN is_holding boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN cover.is_holding IS 'the present plan falls short of the request: its fills are held until more come';
