"""Programs of the maintainers; no part of the installed package."""
