"""Backbones, heads and the checkpoints that hold them."""
