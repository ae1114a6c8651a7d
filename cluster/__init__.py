"""Where steps run: connecting to Ray, and what the cluster can hold."""
