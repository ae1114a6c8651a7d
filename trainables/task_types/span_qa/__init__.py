"""Extractive question answering: the answer is a span of the context, or (`span-or-none`) there is none."""
