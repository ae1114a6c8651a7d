"""Imported by a process that workers are forked from: all that steps import, as far as a fork may inherit it.

Importing DeepSpeed looks for a GPU, and a process that has looked cannot share that GPU with its forks; so it is left
out unless this build of torch knows no GPU.
"""

import importlib

import torch
from transformers import AutoConfig

from trainables.models.backbones import all_backbone_types

auto = importlib.import_module("transformers.models.auto.modeling_auto")
for backbone_type in all_backbone_types():
    # Looking a model class up imports its module; a kind that has no such class imports its own.
    backbone_type.modeling()
    auto.MODEL_MAPPING.get(type(AutoConfig.for_model(backbone_type.model_type)), None)
importlib.import_module("trainables.evaluation.evaluate")
if torch.version.cuda is None and torch.version.hip is None:
    importlib.import_module("trainables.training.loop")
