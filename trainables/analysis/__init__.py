"""How near the data of two tasks are, and how well what a checkpoint sees fits a task."""
