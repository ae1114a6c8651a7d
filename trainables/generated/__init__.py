"""A benchmark that is made, not fetched: one small world told in six artificial languages (see README.md)."""

from trainables.generated.benchmark import TASKS, VERSION, GeneratedBenchmark, languages_of
from trainables.generated.inference import LABELS
from trainables.generated.languages import LANGUAGES, Language
from trainables.generated.tell import TAGS
from trainables.generated.world import TOPICS

__all__ = [
    "LABELS", "LANGUAGES", "TAGS", "TASKS", "TOPICS", "VERSION", "GeneratedBenchmark", "Language", "languages_of",
]  # fmt: skip
