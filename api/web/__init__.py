"""Pages: rendered whole on the server, kept live by our own scripts."""
