"""Tasks that somebody describes in a YAML file: its fields, how it is read, and the record of a task that it gives.

A sweep names its task files (`tasks`), and its steps carry what they say, so that a worker needs no file. The tasks in
`trainables/tasks/shipped` are such files too.
"""
