"""`xstilts data`: what a sweep reads, fetched and checked before anything runs."""
