"""A loan from its assessment to its last cent: plans, rates, events, shares."""
