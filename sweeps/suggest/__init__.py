"""What to run next: the cells of a sweep that are not done, predicted from those that are, and what each would tell."""
