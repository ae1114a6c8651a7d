"""A tiny random encoder of every architecture goes through all that a step does with one."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer, SiglipTextModel

from tests.conftest import SHAPE, World
from tests.trainables.steps.workers import by_two_workers
from trainables.data.prepare import load_split
from trainables.evaluation.inference import infer
from trainables.models.artifact import export_model
from trainables.models.backbones import all_backbone_types, get_backbone_type, shape_of
from trainables.models.dropout import CounterDropout
from trainables.models.inputs import load_input_encoder
from trainables.models.loading import load_backbone
from trainables.models.task_model import load_task_model, new_task_model
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, LocalModel, RandomInit
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.recipes import DataRecipe
from trainables.recipe.tasks import PoolingConfig, Selection
from trainables.steps.run import carry_out
from trainables.store import HEAD, MODEL, Store
from trainables.task_types import get_task_type
from trainables.training.task_data import new_heads

DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1}
# Weights so large that a wrong position, segment or mask moves a vector far.
BERT = {**SHAPE, "initializer_range": 0.1}
# Heads that are together wider than a state.
T5 = {"d_model": 32, "d_kv": 24, "d_ff": 64, "num_layers": 2, "num_heads": 2, "relative_attention_num_buckets": 8}
DISTANCES = {"relative_attention": True, "norm_rel_ebd": "layer_norm", "pos_att_type": "p2c|c2p"}
DECODER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "initializer_range": 0.2,
}
ARCHITECTURES = {
    "xlm-roberta": BERT,
    "xlm-roberta-xl": BERT,
    "bert": BERT,
    # As mDeBERTa has it: no absolute positions, no segments.
    "deberta-v2": {
        **BERT,
        **DISTANCES,
        "position_buckets": 8,
        "share_att_key": True,
        "position_biased_input": False,
    },
    # As the largest of its kind: a convolution; here with all that mDeBERTa leaves out.
    "deberta-v2 with all": {**BERT, **DISTANCES, "type_vocab_size": 2, "conv_kernel_size": 3},
    "t5": {**T5, "feed_forward_proj": "relu"},
    "mt5": {**T5, "feed_forward_proj": "gated-gelu"},
    "umt5": {**T5, "feed_forward_proj": "gated-gelu"},
    "modernbert": {**BERT, "local_attention": 16, "global_attn_every_n_layers": 2},
    "siglip_text_model": SHAPE,
    "llama": DECODER,
    "mistral": {**DECODER, "sliding_window": 8},
    "qwen3": {**DECODER, "tie_word_embeddings": True},
    "gemma3_text": {**DECODER, "sliding_window": 8, "sliding_window_pattern": 2},
}
MEAN = ("t5", "mt5", "umt5")
"""A sequence's vector is the mean over its tokens."""
LAST = ("llama", "mistral", "qwen3", "gemma3_text", "siglip_text_model")
"""A sequence's vector is the state of its last token."""
PUBLISHED = {
    "xlm-roberta": ({}, 0),
    "xlm-roberta-xl": ({}, 0),
    "bert": ({"vocab_size": 119_547}, 0),
    "deberta-v2": (
        {
            "model_type": "deberta-v2",
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "vocab_size": 251_000,
            "position_buckets": 256,
            "share_att_key": True,
            "position_biased_input": False,
            **DISTANCES,
        },
        0.001,
    ),
    "t5": ({}, 0.001),
    "mt5": ({}, 0.001),
    "umt5": ({}, 0.001),
    "modernbert": ({"vocab_size": 256_000, "pad_token_id": 0}, 0.001),
    "siglip_text_model": ({"vocab_size": 256_000}, 0.001),
    "llama": ({}, 0),
    "mistral": ({}, 0),
    "qwen3": ({}, 0),
    "gemma3_text": ({}, 0),
}
"""Configurations of published size, and how far their number of parameters may be from what their shape says."""


class WorldOf(World):
    """A world whose trainings start from a random encoder of one architecture."""

    def __init__(self, root, name):
        super().__init__(root)
        self.model_type = name.partition(" ")[0]
        tokenizer = self.scratch(model_type=self.model_type).tokenizer
        self.random = RandomInit(
            architecture={"model_type": self.model_type, **ARCHITECTURES[name]}, tokenizer=tokenizer, seed=1
        )

    def start(self):
        return self.random

    def tokenizer(self):
        return CheckpointRef(step=self.random.tokenizer)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def every(request, tmp_path_factory):
    """A world of each architecture."""
    return WorldOf(tmp_path_factory.mktemp("store"), request.param)


@pytest.fixture(scope="module")
def trained(every):
    """The id of a training on pairs."""
    recipe = every.train("gen-nli")
    every.do(recipe)
    return recipe.id


def encoder_of(folder):
    """The encoder as transformers loads it: of T5 it is a half of the model; SigLIP's has no `AutoModel`."""
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    loads = SiglipTextModel if kind == "siglip_text_model" else AutoModel
    model = loads.from_pretrained(folder).eval()
    return model.encoder if hasattr(model, "decoder") else model


def copy_of(world, tmp_path, name):
    shutil.copytree(world.store.root, tmp_path / name)
    return Store(str(tmp_path / name))


def weights(store, step):
    return {**load_file(store.path(step) / MODEL / "model.safetensors"), **load_file(store.path(step) / HEAD)}


def losses(store, step):
    return [loss for _, loss in store.record(step)["result"]["losses"]]


def same(one, two, step):
    assert losses(two, step) == pytest.approx(losses(one, step), abs=2e-5)
    a, b = weights(one, step), weights(two, step)
    assert set(a) == set(b)
    # What is added to all keys of a head changes no attention: its gradient is rounding noise, which Adam scales up.
    assert max(float((a[key] - b[key]).abs().max()) for key in a if not key.endswith("k_proj.bias")) < 2e-4


def test_every_type_is_here():
    types = {one.model_type for one in all_backbone_types()} - {"gemma3"}  # trained as the gemma3_text that it holds
    assert {name.partition(" ")[0] for name in ARCHITECTURES} == types == set(PUBLISHED)


@pytest.mark.parametrize("model_type", PUBLISHED)
def test_parameters_are_those_of_its_shape(model_type):
    fields, tolerance = PUBLISHED[model_type]
    config = AutoConfig.for_model(model_type, **{key: value for key, value in fields.items() if key != "model_type"})
    with torch.device("meta"):
        modeling = get_backbone_type(model_type).modeling()
        model, _ = modeling.kept(modeling.auto_class.from_config(config, **modeling.load_options), ())
    count = sum(weight.numel() for weight in model.parameters())
    for described in ({"model_type": model_type, **fields}, config.to_dict()):
        assert shape_of(described, "it").parameters == pytest.approx(count, rel=tolerance)


# --- what it reads ---------------------------------------------------------------------------------------------------


def test_its_sequences_are_those_of_its_tokenizer(every):
    encoder = load_input_encoder(every.start(), every.store, Execution())
    a, b = encoder.subwords(["fires veki", "runin"])
    assert encoder("fires veki") == [encoder.join(a)]
    assert encoder("fires veki", "runin") == [encoder.join(a, b)]
    assert len(encoder.join(a, b)["input_ids"]) == len(a) + len(b) + len(encoder.pair)
    plain = encoder.tokenizer("fires veki", "runin")
    assert encoder.join(a, b)["input_ids"] == plain["input_ids"]


def test_what_stands_beside_it_in_a_batch_moves_no_vector(every):
    backbone = load_backbone(every.start(), every.store, Execution())
    backbone.model.eval()
    encoder = load_input_encoder(every.start(), every.store, Execution())
    short, long = encoder(["fires veki runin", " ".join(["nabur faron"] * 12)])
    task_type = get_task_type("retrieval").modeling()
    pad_id = encoder.tokenizer.pad_token_id
    with torch.no_grad():
        alone, beside = (backbone.encode(task_type.collate(rows, pad_id)) for rows in ([short], [short, long]))
    length = len(short["input_ids"])
    assert torch.allclose(beside.last_hidden_state[0, :length], alone.last_hidden_state[0], atol=1e-5)
    assert torch.allclose(beside.sentence[0], alone.sentence[0], atol=1e-5)
    # Order counts: it has positions.
    turned = {name: [values[0], *values[1:-1][::-1], values[-1]] for name, values in short.items()}
    with torch.no_grad():
        other = backbone.encode(task_type.collate([turned], pad_id))
    assert not torch.allclose(other.sentence, alone.sentence, atol=1e-3)


WHOLE = {
    "t5": "T5ForConditionalGeneration",
    "mt5": "MT5ForConditionalGeneration",
    "umt5": "UMT5ForConditionalGeneration",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
}
"""Classes with the head of pretraining, where that is no masked LM."""


def test_a_checkpoint_with_the_head_of_pretraining_loads(every, tmp_path):
    """As the hub has them: more weights than the encoder's, and a name before the encoder's own."""
    tokenizer = load_input_encoder(every.start(), every.store, Execution()).tokenizer
    config = load_backbone(every.start(), every.store, Execution()).model.config
    if every.model_type == "siglip_text_model":
        pytest.skip("test_text_towers.py has the models that it is a part of")
    name = WHOLE.get(every.model_type)
    whole = getattr(transformers, name)(config) if name else AutoModelForMaskedLM.from_config(config)
    whole.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    source = LocalModel(sha256="0" * 64)
    execution = Execution(model_paths={"0" * 64: str(tmp_path / "model")})
    backbone = load_backbone(source, every.store, execution)
    there = load_file(tmp_path / "model" / "model.safetensors")
    own = dict(backbone.model.named_parameters())
    assert own
    for key, weight in own.items():
        (found,) = (there[one] for one in there if one == key or (one.endswith(f".{key}") and "decoder" not in one))
        assert torch.equal(found, weight)


# --- dropout ---------------------------------------------------------------------------------------------------------


def test_nothing_is_dropped_but_by_the_recipe(every):
    """In training mode: without dropout as in evaluation, with it the same mask twice, another at each update."""
    recipe = every.train("gen-nli", **DROPOUT)
    features, _ = load_split(every.store, recipe.tasks[0].data[0], "train-one")
    task_type = get_task_type("pair-classification").modeling()
    batch = task_type.collate(features.select(range(4)).to_list(), 0)

    def outputs(rates, steps):
        backbone = load_backbone(every.start(), every.store, Execution())
        heads = new_heads(recipe.tasks, rates["dropout"])
        model = new_task_model(backbone, heads, Optimisation(**{**recipe.optimisation.model_dump(), **rates}), 1)
        model.train()
        assert not [one for one in model.modules() if isinstance(one, torch.nn.Dropout)]
        found = []
        for step in steps:
            model.at_update(step)
            found.append(model({**batch, "rows": torch.arange(4)}, "gen-nli"))
        model.eval()
        return model, found, model(batch, "gen-nli")

    _, (once, again), evaluated = outputs({"dropout": 0.0, "attention_dropout": 0.0}, (0, 1))
    assert torch.equal(once, again)
    assert torch.allclose(once, evaluated, atol=1e-5)
    _, (first, second, other), _ = outputs({"dropout": 0.0, "attention_dropout": 0.3}, (0, 0, 1))
    assert torch.equal(first, second)
    assert not torch.allclose(first, evaluated, atol=1e-3)
    assert not torch.allclose(first, other, atol=1e-3)
    model, _, _ = outputs(DROPOUT, (0,))
    layers = [one.number for one in model.modules() if isinstance(one, CounterDropout)]
    assert len(layers) == len(set(layers))


@pytest.mark.parametrize("task_type", ["pair-classification", "translation-ranking"])
def test_blocks_that_are_recomputed_have_the_same_gradients(every, task_type):
    """Packed or padded, where a head reads all blocks, and where the tables that blocks read are not trained."""
    recipe = every.train("gen-nli", **DROPOUT)
    features, _ = load_split(every.store, recipe.tasks[0].data[0], "train-one")
    batch = get_task_type("pair-classification").modeling().collate(features.select(range(6)).to_list(), 0)
    all_layers = task_type == "translation-ranking"

    def gradients(recomputed, frozen):
        backbone = load_backbone(every.start(), every.store, Execution())
        model = new_task_model(backbone, new_heads(recipe.tasks, 0.1), Optimisation(steps=1, **DROPOUT), 1)
        model.heads["gen-nli"].wants_all_layers = all_layers
        if frozen:
            backbone.word_embeddings.weight.requires_grad_(False)
        if recomputed:
            model.recompute_blocks()
        model.train()
        seen = []
        model.heads["gen-nli"].register_forward_pre_hook(lambda _, read: seen.append(read[0]))
        output = model({**batch, "rows": torch.arange(6)}, "gen-nli")
        loss = output.pow(2).sum() + sum((one.pow(2).sum() for one in seen[0].hidden_states[:-1]), torch.zeros(()))
        model.dropout_context.see(torch.arange(6) + 7)  # as the next batch does
        loss.backward()
        return output, {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}

    for frozen in (False, True):
        (one, kept), (two, again) = (gradients(recomputed, frozen) for recomputed in (False, True))
        assert torch.equal(one, two)
        assert kept.keys() == again.keys()
        noise = 1e-6 * max(float(one.abs().max()) for one in kept.values())  # some gradients are zeros but for that
        for name in kept:  # of what several blocks read the order of additions is another
            moved = float((kept[name] - again[name]).abs().max())
            assert moved <= 1e-4 * float(kept[name].abs().max()) + noise, name
            assert all_layers or every.model_type not in ("bert", "xlm-roberta") or torch.equal(kept[name], again[name])


def test_matrices_that_are_held_in_bf16_give_the_bits_of_those_in_fp32(every):
    """Evaluated, and trained below a head: the gradients of what is trained, through frozen blocks."""
    recipe = every.train("gen-nli", **DROPOUT)
    features, _ = load_split(every.store, recipe.tasks[0].data[0], "train-one")
    batch = get_task_type("pair-classification").modeling().collate(features.select(range(4)).to_list(), 0)
    backbone = load_backbone(every.start(), every.store, Execution())
    fields = {**recipe.optimisation.model_dump(), "precision": "bf16"}
    model = new_task_model(backbone, new_heads(recipe.tasks, 0.1), Optimisation(**fields), 1)
    for block in backbone.blocks:
        block.requires_grad_(False)

    def found():
        model.zero_grad()
        output = model({**batch, "rows": torch.arange(4)}, "gen-nli")
        output.pow(2).sum().backward()
        model.eval()
        evaluated = model(batch, "gen-nli")
        model.train()
        return [output, evaluated, *(weight.grad for weight in model.parameters() if weight.grad is not None)]

    model.train()
    whole = found()
    model.halve_matrices()
    halved = [one for block in backbone.blocks for one in block.parameters() if one.dtype == torch.bfloat16]
    assert sum(one.numel() for one in halved) >= 0.9 * backbone.shape.matrices
    assert all(torch.equal(a, b) for a, b in zip(whole, found(), strict=True))


# --- training --------------------------------------------------------------------------------------------------------


@pytest.mark.deepspeed
def test_zero_stages_and_micro_batches_leave_the_numbers_as_they_are(every, tmp_path):
    recipe = every.train("gen-nli", steps=3, evaluate_every=3, **DROPOUT)
    plain = copy_of(every, tmp_path, "plain")
    every.do(recipe, Execution(log_every=1, zero_stage=0, micro_batch_tokens=100_000), store=plain)
    for stage, tokens in ((1, 100), (2, 200), (3, 100)):
        store = copy_of(every, tmp_path, f"zero-{stage}")
        every.do(recipe, Execution(log_every=1, zero_stage=stage, micro_batch_tokens=tokens), store=store)
        same(plain, store, recipe.id)


@pytest.mark.deepspeed
def test_stopping_and_going_on_is_equal_to_not_stopping(every, tmp_path, host):
    recipe = every.train("gen-choice", **DROPOUT)
    whole, cut = copy_of(every, tmp_path, "whole"), copy_of(every, tmp_path, "cut")
    every.do(recipe, Execution(log_every=2), store=whole)
    assert carry_out(recipe, Execution(log_every=2), cut, host(stop_after=2)) is False
    assert carry_out(recipe, Execution(log_every=2), cut, host()) is True
    assert losses(cut, recipe.id) == losses(whole, recipe.id)
    a, b = weights(whole, recipe.id), weights(cut, recipe.id)
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.deepspeed
def test_in_bf16_it_learns_about_the_same(every):
    found = []
    for precision in ("fp32", "bf16"):
        recipe = every.train("gen-nli", steps=3, evaluate_every=3, precision=precision, **DROPOUT)
        every.do(recipe, Execution(log_every=1))
        found.append(losses(every.store, recipe.id))
    assert found[1] == pytest.approx(found[0], abs=0.03)
    assert found[1] != found[0]


@pytest.mark.deepspeed
def test_several_tasks_at_once(every):
    recipe = every.together("gen-tags", "gen-qa", steps=4, evaluate_every=4, **DROPOUT)
    every.do(recipe)
    names = {key.partition(".")[0] for key in load_file(every.store.path(recipe.id) / HEAD)}
    assert names == {"gen-tags", "gen-qa"}


@pytest.mark.deepspeed
def test_word_ranking_trains_the_embeddings_alone(every, tmp_path):
    store = copy_of(every, tmp_path, "s")
    rows = (*every.rows("gen-text", "train", "two"), *every.rows("gen-text", "dev", "two"))
    other = every.train("gen-nli")
    task = every.spec("gen-text").model_copy(update={"type": "translation-ranking"})
    data = DataRecipe(task=task, rows=rows, tokenizer=every.tokenizer(), max_length=64)
    every.do(data, store=store)
    part = other.tasks[0].model_copy(
        update={
            "task": task.model_copy(update={"type": "word-ranking"}),
            "data": (data.id,),
            "select": Selection(metrics=("accuracy",)),
        }
    )
    recipe = other.model_copy(update={"tasks": (part,)})
    every.do(recipe, store=store)
    after = load_file(store.path(recipe.id) / MODEL / "model.safetensors")
    before = load_backbone(every.start(), store, Execution()).model.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved
    assert all(name.removeprefix("model.").startswith(("embeddings.", "shared.", "embed_tokens.")) for name in moved)


TWO_WORKERS = ("deberta-v2 with all", "modernbert", "t5", "gemma3_text")
"""Those whose dropout is elsewhere than BERT's; of XLM-R it is held by `tests/trainables/steps`."""


@pytest.mark.deepspeed
@pytest.mark.parametrize("name", TWO_WORKERS)
def test_two_workers_give_the_numbers_of_one(name, tmp_path):
    world = WorldOf(tmp_path / "world", name)
    recipe = world.train("gen-nli", steps=3, evaluate_every=3, **DROPOUT)
    two = copy_of(world, tmp_path, "two")
    world.do(recipe, Execution(log_every=1, zero_stage=0))
    same(world.store, by_two_workers(recipe, two, tmp_path, 3), recipe.id)


# --- what it gives ---------------------------------------------------------------------------------------------------


@pytest.mark.deepspeed
def test_vectors_and_logits_are_those_of_transformers(every, trained, tmp_path):
    evaluation = every.evaluation("gen-nli", CheckpointRef(step=trained), "one")
    every.do(evaluation)
    features, examples = load_split(every.store, evaluation.data, "test-one")
    # As anyone would do it who has the checkpoint and transformers alone.
    export_model(CheckpointRef(step=trained), every.store, Execution(), tmp_path / "exported", half=False)
    model = encoder_of(tmp_path / "exported")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "exported")
    sides = examples["text_a"][:8], examples["text_b"][:8]
    batch = tokenizer(*sides, truncation="longest_first", max_length=64, padding=True, return_tensors="pt")
    head = load_file(every.store.path(trained) / HEAD)
    with torch.no_grad():
        expected = model(**batch, output_hidden_states=True)
        sentence = expected.last_hidden_state[:, 0]
        lengths = batch["attention_mask"].sum(1)
        if every.model_type in MEAN:
            real = batch["attention_mask"].unsqueeze(-1)
            sentence = (expected.last_hidden_state * real).sum(1) / lengths.unsqueeze(-1)
        if every.model_type in LAST:
            sentence = expected.last_hidden_state[range(len(lengths)), lengths - 1]
        dense = torch.tanh(sentence @ head["gen-nli.dense.weight"].T + head["gen-nli.dense.bias"])
        logits = dense @ head["gen-nli.out.weight"].T + head["gen-nli.out.bias"]
    task_type = get_task_type("pair-classification").modeling()
    ours = load_task_model(
        CheckpointRef(step=trained),
        "gen-nli",
        lambda backbone: task_type.head(backbone, evaluation.task, 0.0),
        "fp32",
        every.store,
        Execution(),
    )
    ours_batch = task_type.collate(features.select(range(8)).to_list(), tokenizer.pad_token_id)
    assert torch.equal(ours_batch["input_ids"], batch["input_ids"])
    with torch.no_grad():
        assert torch.allclose(ours(ours_batch, "gen-nli"), logits, atol=1e-5)
        states = load_backbone(CheckpointRef(step=trained), every.store, Execution())
        states.model.eval()
        found = states.encode(ours_batch, all_layers=True)
        first = states.embeddings(ours_batch)
    real = ours_batch["attention_mask"].bool()
    assert len(found.hidden_states) == len(expected.hidden_states) == 3
    for one, two in zip(found.hidden_states, expected.hidden_states, strict=True):
        assert torch.allclose(one[real], two[real], atol=1e-5)
    assert torch.allclose(found.last_hidden_state[real], expected.last_hidden_state[real], atol=1e-5)
    assert torch.allclose(first[real], expected.hidden_states[0][real], atol=1e-5)


@pytest.mark.deepspeed
def test_retrieval_reads_the_layer_that_is_asked_for(every, trained):
    store = every.store
    exported = encoder_of(store.path(trained) / MODEL)
    recipe = every.evaluation("gen-pairs", CheckpointRef(step=trained), "two")
    features, _ = load_split(store, recipe.data, "test-two")
    rows = features.select(range(4)).to_list()
    task_type = get_task_type("retrieval").modeling()
    for layer in range(3):
        task = recipe.task.model_copy(update={"vectors": PoolingConfig(layer=layer)})
        model = load_task_model(
            recipe.model, task.name, lambda one, task=task: task_type.head(one, task, 0.0), "fp32", store, Execution()
        )
        vectors = infer(lambda batch, model=model: model(batch, "gen-pairs"), rows, task_type, 0, 4096)
        for row, vector in zip(rows, vectors, strict=True):
            ids = torch.tensor([row["input_ids"]])
            with torch.no_grad():
                states = exported(input_ids=ids, output_hidden_states=True).hidden_states[layer]
            assert torch.allclose(torch.tensor(vector), states[0].mean(0), atol=1e-5)
    every.do(recipe)
    assert store.record(recipe.id)["result"]["metrics"]["two"]["accuracy"] >= 0
