"""The composition root: reads the environment, wires the packages, starts and stops processes.

The only package that may import every other one, and that no other one imports.
"""
