"""Tagging: one tag for each word of a sentence."""
