"""Frozen values and closed sets of words: what the product talks about, in plain Python."""
