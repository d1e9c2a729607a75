"""One company's order book: commands in, events out, covers gathered from purses, and views of the same journal."""
