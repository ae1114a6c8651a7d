"""Classification of single texts with one label: topic, sentiment, intent."""
