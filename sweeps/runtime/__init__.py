"""Carrying out a plan on Ray. The only package of `sweeps` that imports Ray."""
