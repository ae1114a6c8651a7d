"""From the fields of a sweep file to the graph of its unique steps."""
