"""Carry out one step, whatever its kind, on whatever host."""
