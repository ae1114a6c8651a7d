"""Translation ranking and word ranking: a sentence shall be nearer to its translation than to another one."""
