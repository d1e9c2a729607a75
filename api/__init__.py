"""The gateway: HTTP, websockets and pages in front of commands and queries. Nothing imports it but the command line."""
