"""The behaviour in force, kept in the store so that a restart goes on with it."""

import msgspec

from lemonway.simulator.settings import Behaviour
from lemonway.simulator.store import Store


def start_behaviour(store: Store, behaviour: Behaviour) -> None:
    """Set the behaviour of a new store."""
    store.run("INSERT INTO facts VALUES ('behaviour', ?) ON CONFLICT DO NOTHING", _json(behaviour))


def behaviour(store: Store) -> Behaviour:
    return msgspec.json.decode(store.value("SELECT value FROM facts WHERE name = 'behaviour'"), type=Behaviour)


def change_behaviour(store: Store, changes: dict[str, object]) -> Behaviour:
    """Replace the named settings; raises msgspec.ValidationError for an unknown name or a value not accepted."""
    changed = msgspec.convert({**msgspec.to_builtins(behaviour(store)), **changes}, Behaviour)
    store.run("UPDATE facts SET value = ? WHERE name = 'behaviour'", _json(changed))
    return changed


def _json(behaviour: Behaviour) -> str:
    return msgspec.json.encode(behaviour).decode()
