"""What comes from outside (a sweep file, an option, a lock, a data file, a path) is read here: as text of a known
encoding, with bounds, and with one safe line where it cannot be used."""
