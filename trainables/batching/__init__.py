"""Which rows an update sees, and how they are cut into micro-batches."""
