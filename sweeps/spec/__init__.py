"""The fields of a sweep file, and how one is read and checked."""
