"""Where sweeps run: connecting to Ray, its nodes, and recipes for clusters."""

import os

# Read when gRPC is imported, with Ray: of a connection that fails it would print lines of its own beside ours.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
