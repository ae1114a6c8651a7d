"""Which steps, in which order: sweep file -> spec -> plan -> Ray Tune -> MLflow -> results; and the command line."""
