"""Parallel text from what a Debian distribution carries: where it lies, how it is read, into which files it goes."""
