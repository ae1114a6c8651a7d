"""Imported by a process that workers are forked from: all that steps import, as far as a fork may inherit it.

Importing DeepSpeed looks for a GPU, and a process that has looked cannot share that GPU with its forks; so it is left
out unless this build of torch knows no GPU.
"""

import importlib

import torch

importlib.import_module("transformers.models.auto.modeling_auto")
importlib.import_module("transformers.models.xlm_roberta.modeling_xlm_roberta")
importlib.import_module("trainables.evaluation.evaluate")
if torch.version.cuda is None and torch.version.hip is None:
    importlib.import_module("trainables.training.loop")
