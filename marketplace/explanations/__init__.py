"""Receipts in plain words: what a plan means to a lender, to its borrower and to operations, in Italian and English.

Three steps, each on values: a receipt becomes an outcome (what happened and with which figures), an outcome becomes
steps (which sentences, in which order, with which figures), steps become words of one language.
"""
