"""A sweep in its store: what is done, selected, collapsed, and what may be deleted."""
