"""What is offloaded to a disk: mapped files, with the numbers of what lies in memory, of which nothing is left."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import torch

from tests.conftest import RecordingHost
from tests.trainables.models.backbones.test_every_backbone import ARCHITECTURES, WorldOf
from tests.trainables.training.test_loop import copy_of, losses, weights
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import RandomInit
from trainables.steps.run import carry_out
from trainables.training.disk import Disk, NoRoom, allocating

DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1}


@pytest.fixture(scope="module", params=["xlm-roberta", "gemma3_text"])
def wide(request, tmp_path_factory):
    """A model whose groups of weights are worth a file, trained once, so that its weights can be read from files."""
    world = WorldOf(tmp_path_factory.mktemp("store"), request.param)
    shape = {"model_type": request.param, **ARCHITECTURES[request.param], "intermediate_size": 4096}
    world.random = RandomInit(architecture=shape, tokenizer=world.random.tokenizer, seed=1)
    first = world.train("gen-tags", steps=1, evaluate_every=1)
    world.do(first)
    recipe = world.train("gen-nli", start=first.checkpoint, steps=6, evaluate_every=3, weight_decay=0.1, **DROPOUT)
    return world, recipe


def on_disk(folder, parameters="nvme"):
    return {"optimizer": "nvme", "parameters": parameters, "folder": str(folder)}


class Watching(RecordingHost):
    """Counts the files that are mapped whenever it is asked whether to stop."""

    def __init__(self, folder, stop_after=None):
        super().__init__(stop_after)
        self.folder, self.seen = folder, set()

    def should_stop(self):
        self.seen.add(len(mapped(self.folder)))
        return super().should_stop()


def mapped(folder):
    """Files of `folder` that this process maps, by their inodes."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {line.split()[4] for line in lines if str(folder) in line}


def test_large_tensors_that_come_into_being_are_files_without_names(tmp_path):
    with allocating(Disk(str(tmp_path))):
        zeros, small = torch.zeros(300_000), torch.zeros(10)
        view, sum_ = zeros.narrow(0, 5, 290_000), zeros.view(300, 1000) + 1
        view.fill_(2)
    assert len(mapped(tmp_path)) == 2
    assert not list(tmp_path.iterdir())
    assert (zeros.sum(), sum_.sum(), sum_.shape) == (580_000, 300_000, (300, 1000))
    del small, zeros, view, sum_
    assert not mapped(tmp_path)


def test_a_folder_that_takes_no_files_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    for folder, size in ((tmp_path / "absent", 2**20), (tmp_path / "file", 2**20), (tmp_path, 2**60)):
        with pytest.raises(NoRoom, match=f"^execution.offload.folder: .*{folder.name}: ") as error:
            Disk(str(folder)).empty(size)
        assert len(str(error.value)) <= 300
        assert "\n" not in str(error.value)


@pytest.mark.deepspeed
def test_the_numbers_are_those_of_what_lies_in_memory_stopped_or_not(wide, tmp_path):
    world, recipe = wide
    plain, counts = copy_of(world, tmp_path, "plain"), []
    world.do(recipe, Execution(log_every=1, zero_stage=0), store=plain)
    (folder := tmp_path / "folder").mkdir()
    for parameters in (None, "nvme"):
        memory = copy_of(world, tmp_path, f"memory-{parameters}")
        offload = {"optimizer": "cpu", "parameters": parameters and "cpu"}
        world.do(recipe, Execution(log_every=1, offload=offload), store=memory)
        assert losses(memory, recipe.id) == pytest.approx(losses(plain, recipe.id), abs=2e-4)
        expected = weights(memory, recipe.id)
        store, host = copy_of(world, tmp_path, f"disk-{parameters}"), Watching(folder, stop_after=4)
        execution = Execution(log_every=1, micro_batch_tokens=100_000, offload=on_disk(folder, parameters))
        assert carry_out(recipe, execution, store, host) is False
        again = Watching(folder)
        assert carry_out(recipe, execution, store, again) is True
        assert losses(store, recipe.id) == losses(memory, recipe.id)
        found = weights(store, recipe.id)
        assert all(torch.equal(found[key], expected[key]) for key in expected)
        counts.append(max(host.seen | again.seen))
        gc.collect()
        assert not mapped(folder)
        assert not list(folder.iterdir())
    # The weights that are stepped and their two moments at least, and the copies of all three for states.
    assert min(counts) >= 6
