"""Multiple choice: which of the choices goes with the prompt. Rows may differ in their number of choices."""
