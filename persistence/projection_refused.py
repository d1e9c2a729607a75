"""The failure that halts the projection of a shard."""


class ProjectionRefused(Exception):
    """A fact speaks of something that is not recorded here: recording it would lose track of money."""
