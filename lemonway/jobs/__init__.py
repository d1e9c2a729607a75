"""The work done with Lemonway in the background: instructions carried out, notifications read, answers looked up."""
