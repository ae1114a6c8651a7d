"""Recipes (what can change a number) and executions (what must not)."""
