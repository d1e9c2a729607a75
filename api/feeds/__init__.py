"""The websocket `blulend.1`: what changes, numbered, so that a client never shows a state that is not true."""
