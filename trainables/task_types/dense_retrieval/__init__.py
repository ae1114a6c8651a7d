"""Dense retrieval: a trained dual encoder finds what answers a query in a pool of all languages."""
