"""Predictions and scores of a checkpoint."""
