"""Everything that knows the payment institution: its client, its messages, and a simulator that speaks the same API."""
