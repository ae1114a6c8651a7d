"""x"""
REDUCE_BUCKET = 50_000_000


def reduce_bucket(parameters: int) -> int:
    return max(1, min(parameters, REDUCE_BUCKET))
