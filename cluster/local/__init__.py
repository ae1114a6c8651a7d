"""A Ray of this machine: a fork server that starts its workers fast, a janitor that leaves nothing of it behind."""
