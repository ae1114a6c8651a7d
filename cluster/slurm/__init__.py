"""Slurm: a batch script that starts Ray on the nodes of its job, carries out a sweep there, and ends it all."""
