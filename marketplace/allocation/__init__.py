"""The allocation rule: who lends how much to one request, at what rate, and the receipt that proves it."""
