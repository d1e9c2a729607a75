"""How a command says that it cannot go on."""


class CommandFailed(Exception):
    """The command ends with status 1 and this message, one line or a few, on standard error: no traceback.

    For what the person who started it can mend; a bug of ours keeps its traceback.
    """
