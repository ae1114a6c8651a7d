"""Rows read and tokenised once, kept as Arrow."""
