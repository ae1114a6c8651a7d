"""Vision towers: what reads the images of rows, and how images become what they read."""
