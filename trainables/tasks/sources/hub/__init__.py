"""Rows from the Hugging Face hub, at pinned commits."""
