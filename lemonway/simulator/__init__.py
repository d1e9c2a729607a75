"""A Lemonway of one's own: the same API over HTTP, with a clock that can be moved and failures on demand.

It shares no code with the client, so that a misspelt field in one is caught by the other. Its ledger is the oracle
of tests: what it holds is what happened, whatever anybody was told.
"""
