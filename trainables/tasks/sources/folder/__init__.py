"""Rows from a folder in the layout of XTREME's download: where each task's files lie, and how they are read."""
