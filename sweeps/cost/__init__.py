"""What steps cost: rows, subwords, floating-point operations, memory, seconds."""
