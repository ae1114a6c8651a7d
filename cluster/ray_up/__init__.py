"""Ray clusters that `ray up` starts: on AWS, on GCP, or on hosts that are there."""
