"""Causal language modelling on plain text, and on translation pairs in one row."""
