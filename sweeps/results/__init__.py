"""From evaluation records to numbers, tables, exports and suite scores."""
