"""The record of the market in PostgreSQL: rows, ledger, projections, and the steps they ask of others."""

import os

# Piccolo finds engine and app through the module named here; `connection.open_pool` tells the engine its address.
os.environ.setdefault("PICCOLO_CONF", "persistence.piccolo_conf")
