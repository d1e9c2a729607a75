"""Tests mirror the packages; what several of them need lives in conftest.py and in modules of this package.

This file makes `tests` a package of ours: a dependency installs one of the same name.
"""
