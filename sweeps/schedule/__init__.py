"""Which step next, what follows a failure, and a simulation of both. No Ray here."""
