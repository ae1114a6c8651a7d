"""Classification of pairs of texts with one label: natural language inference, paraphrase."""
