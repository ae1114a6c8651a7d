"""Benchmark suites: which tasks they are made of, how their submission files look, how such a folder is scored.

No model, no torch, no network: a folder of predictions and a folder of labels are all that a score needs.
"""

from trainables.suites.definitions import SUITES, Suite, SuiteTask, get_suite
from trainables.suites.layout import Unreadable, file_of
from trainables.suites.manifest import MANIFEST, Written, remove_listed, write_manifest
from trainables.suites.scoring import SuiteScore, WrongFiles, score_folders
from trainables.suites.writing import tatoeba_order, write_labels, write_predictions

__all__ = [
    "MANIFEST", "SUITES", "Suite", "SuiteScore", "SuiteTask", "Unreadable", "WrongFiles", "Written", "file_of",
    "get_suite", "remove_listed", "score_folders", "tatoeba_order", "write_labels", "write_manifest",
    "write_predictions",
]  # fmt: skip
