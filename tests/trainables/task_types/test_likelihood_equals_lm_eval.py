"""Log-likelihoods, choices and accuracies are those of lm-evaluation-harness on the same rows and model."""

from __future__ import annotations

import os
import random
from pathlib import Path

import datasets
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from trainables.evaluation.inference import infer
from trainables.models.converted import converted
from trainables.models.inputs import load_input_encoder
from trainables.models.task_model import load_task_model
from trainables.recipe.execution import Execution
from trainables.recipe.likelihood import Likelihood
from trainables.recipe.model_source import LocalModel
from trainables.recipe.tasks import TaskSpec
from trainables.store import Store, hash_model_dir
from trainables.task_types import get_task_type
from trainables.task_types.choice_likelihood.prompts import asked
from trainables.task_types.modeling import ModelOutputs
from trainables.tasks import FolderSource, get_task
from trainables.tasks.sources import to_dataset

SOURCE = LocalModel(sha256="0" * 64)
TYPE = get_task_type("choice-likelihood")
WORDS = ("river", "stone", "märchen", "tree", "night", "runs", "ölig", "над", "мостом", "seldom", "橋", "often")
DESCRIPTION = "Questions about {subject}.\n\n"
WAYS = {
    "texts": Likelihood(question="Q: {prompt}\nA:"),
    "blank at the end": Likelihood(question="Q: {prompt}\nA: "),
    "letters": Likelihood(question="{prompt}\n{choices}\nAnswer:", description=DESCRIPTION, answers="letters"),
    "shots": Likelihood(question="{prompt}\n{choices}\nAnswer:", description=DESCRIPTION, answers="letters", shots=2),
    "shots of texts": Likelihood(question="{query}", shots=2),
}
TEMPLATES = {  # the same for lm-evaluation-harness, in Jinja
    "Q: {prompt}\nA:": "Q: {{prompt}}\nA:",
    "Q: {prompt}\nA: ": "Q: {{prompt}}\nA: ",
    "{query}": "{{query}}",
    "{prompt}\n{choices}\nAnswer:": (
        "{{prompt}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:"
    ),
}


def rows_of(seed, count):
    draw = random.Random(seed)

    def text(least, most):
        return " ".join(draw.choices(WORDS, k=draw.randint(least, most)))

    return [
        {
            "id": str(number),
            "prompt": text(3, 12) + "?",
            "choices": [text(1, 5) for _ in range(4)],
            "label": str(draw.randrange(4)),
            "subject": "bridges",
            "parts": [],
            "query": text(3, 12),
            "endings": [text(1, 6) for _ in range(4)],
        }
        for number in range(count)
    ]


ROWS, SHOTS = rows_of(1, 12), rows_of(2, 3)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny random LLaMA with output embeddings of its own; its tokenizer, of bytes, puts `<s>` before texts."""
    folder = tmp_path_factory.mktemp("llama")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>").save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=1,
    )
    torch.manual_seed(1)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def ours(model, tmp_path, way, rows, max_length=2048):
    """Predictions, and scores under every way of normalising."""
    store, execution = Store(str(tmp_path / "store")), Execution(model_paths={SOURCE.sha256: str(model)})
    task = TaskSpec(name="t", version=1, type=TYPE.name, source="files", likelihood=way)
    modeling, encoder = TYPE.modeling(), load_input_encoder(SOURCE, store, execution)
    examples = datasets.Dataset.from_list(rows, features=TYPE.features())
    features = modeling.encode_behind(SHOTS, examples, encoder, task, max_length)
    loaded = load_task_model(SOURCE, "t", lambda backbone: modeling.head(backbone, task, 0.0), "fp32", store, execution)
    values = infer(lambda batch: loaded(batch, "t"), features, modeling, encoder.tokenizer.pad_token_id or 0, 600)
    outputs = ModelOutputs(values, datasets.Dataset.from_list(features), examples)
    predictions = modeling.predict(outputs, task, {})
    return [predictions[row["id"]] for row in rows], modeling.score(predictions, examples, task, "en")


def theirs(model, way, rows, max_length=2048):
    """Log-likelihoods of each row, and metrics."""
    from lm_eval import simple_evaluate
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
    from transformers import AutoTokenizer

    letters = way.answers == "letters"
    config = {
        "task": "t",
        "custom_dataset": lambda **_: {
            name: datasets.Dataset.from_list([{**row, "label": int(row["label"])} for row in some])
            for name, some in (("test", rows), ("dev", SHOTS))
        },
        "test_split": "test",
        "fewshot_split": "dev",
        "fewshot_config": {"sampler": "first_n"},
        "num_fewshot": way.shots or 0,
        "output_type": "multiple_choice",
        "description": way.description.replace("{subject}", "bridges"),
        "doc_to_text": TEMPLATES[way.question],
        "doc_to_choice": list("ABCD") if letters else "endings" if "query" in way.question else "choices",
        "doc_to_target": "label",
        "metric_list": [{"metric": name} for name in ("acc", "acc_norm", "acc_bytes")],
    }
    harness = HFLM(
        pretrained=LlamaForCausalLM.from_pretrained(model),
        tokenizer=AutoTokenizer.from_pretrained(model),
        device="cpu",
        batch_size=5,
        max_length=max_length,
    )
    found = simple_evaluate(
        model=harness, tasks=[ConfigurableTask(config=config)], bootstrap_iters=0, verbosity="ERROR", log_samples=True,
        task_manager=TaskManager(include_defaults=False),
    )  # fmt: skip
    samples = sorted(found["samples"]["t"], key=lambda one: one["doc_id"])
    return [[reply[0] for reply in one["filtered_resps"]] for one in samples], found["results"]["t"]


@pytest.mark.parametrize("name", WAYS)
def test_they_are_equal(model, tmp_path, name):
    way = WAYS[name]
    found, scores = ours(model, tmp_path, way, ROWS)
    likelihoods, metrics = theirs(model, way, ROWS)
    for one, other in zip(found, likelihoods, strict=True):
        assert one["log_likelihoods"] == pytest.approx(other, abs=1e-5, rel=1e-6)
    assert scores["accuracy"] == pytest.approx(100 * metrics["acc,none"])
    assert scores["accuracy/subject/bridges"] == scores["accuracy"]
    if way.answers == "texts":
        assert scores["accuracy_sum"] == scores["accuracy"]
        assert scores["accuracy_characters"] == pytest.approx(100 * metrics["acc_norm,none"])
        assert scores["accuracy_bytes"] == pytest.approx(100 * metrics["acc_bytes,none"])
        assert len({scores[f"accuracy_{one}"] for one in ("sum", "characters", "bytes")}) > 1
    for normalise in ("characters", "bytes") if name == "texts" else ():
        same, other = ours(model, tmp_path, way.model_copy(update={"normalise": normalise}), ROWS)
        assert [one["log_likelihoods"] for one in same] == [one["log_likelihoods"] for one in found]
        assert other["accuracy"] == scores.get(f"accuracy_{normalise}", scores["accuracy"])


REAL = os.environ.get("XSTILTS_GGUF")


@pytest.mark.skipif(not REAL, reason="XSTILTS_GGUF names no GGUF file of Gemma 3 270M")
@pytest.mark.parametrize(("name", "split", "language"), [("copa", "dev", "en"), ("xcopa", "test", "zh")])
def test_they_are_equal_of_a_real_model_on_real_rows(real_data, tmp_path, name, split, language):
    """Each answer's log-likelihood, to float tolerance: the two batch in other ways."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = LocalModel(sha256=hash_model_dir(Path(REAL)))
    store, execution = Store(str(tmp_path)), Execution(model_paths={source.sha256: REAL})
    task, modeling = get_task(f"{name}@likelihood"), TYPE.modeling()
    rows = list(FolderSource(real_data).settled(task.base, split, language).rows)[:8]
    examples, spec, encoder = to_dataset(TYPE.name, rows), task.spec(), load_input_encoder(source, store, execution)
    features = modeling.encode(examples, encoder, spec, 2048)
    loaded = load_task_model(
        source, spec.name, lambda backbone: modeling.head(backbone, spec, 0.0), "fp32", store, execution
    )
    values = infer(lambda batch: loaded(batch, spec.name), features, modeling, encoder.tokenizer.pad_token_id, 1024)
    outputs = ModelOutputs(values, datasets.Dataset.from_list(features), examples)
    found = modeling.predict(outputs, spec, {})
    folder = converted(Path(REAL), source.sha256)
    harness = HFLM(
        pretrained=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        tokenizer=AutoTokenizer.from_pretrained(folder),
        device="cpu",
        batch_size=4,
    )
    for row in rows:
        prompt = asked(row, (), spec.likelihood)
        requests = [Instance("loglikelihood", {}, (prompt.context, one), 0) for one in prompt.continuations]
        theirs = [value for value, _ in harness.loglikelihood(requests, disable_tqdm=True)]
        assert found[row["id"]]["log_likelihoods"] == pytest.approx(theirs, abs=1e-4, rel=3e-6)
