"""The small model that comes with the project: it loads as any model does, and it knows some of its languages."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from trainables.metrics.retrieval import nearest_neighbours
from trainables.models.pooling import mean_pool, retrieval_layer

MINI = Path(__file__).parents[3] / "trainables" / "models" / "mini"
SENTENCES = {
    "en": [
        "The water is very cold today.",
        "My brother has three small children.",
        "We will open the file tomorrow.",
        "The king gave the old man a horse.",
        "Where is the city?",
        "She reads a new book every week.",
        "The government wants to change the law.",
        "I do not know the name of this place.",
    ],
    "de": [
        "Das Wasser ist heute sehr kalt.",
        "Mein Bruder hat drei kleine Kinder.",
        "Wir werden die Datei morgen öffnen.",
        "Der König gab dem alten Mann ein Pferd.",
        "Wo ist die Stadt?",
        "Sie liest jede Woche ein neues Buch.",
        "Die Regierung will das Gesetz ändern.",
        "Ich kenne den Namen dieses Ortes nicht.",
    ],
    "es": [
        "El agua está muy fría hoy.",
        "Mi hermano tiene tres hijos pequeños.",
        "Abriremos el archivo mañana.",
        "El rey le dio un caballo al anciano.",
        "¿Dónde está la ciudad?",
        "Ella lee un libro nuevo cada semana.",
        "El gobierno quiere cambiar la ley.",
        "No sé el nombre de este lugar.",
    ],
}


@pytest.fixture(scope="module")
def mini():
    model = AutoModel.from_pretrained(MINI, dtype=torch.float32, add_pooling_layer=False).eval()
    return model, AutoTokenizer.from_pretrained(MINI)


def test_its_special_ids_are_those_of_xlmr(mini):
    model, tokenizer = mini
    assert tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>"]) == [0, 1, 2, 3]
    assert model.config.pad_token_id == 1
    assert len(tokenizer) == model.config.vocab_size == 28_000


@pytest.mark.parametrize(
    "text",
    ["слово", "كلمة", "λέξη", "शब्द", "từ ngữ", "词语", "sözcük", "neno", "Wörter", "señal", "français", "word"],
)
def test_every_language_has_pieces(mini, text):
    _, tokenizer = mini
    assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]


@pytest.mark.parametrize("language", ["de", "es"])
def test_a_translation_is_nearer_than_another_sentence(mini, language):
    model, tokenizer = mini
    vectors = []
    for sentences in (SENTENCES["en"], SENTENCES[language]):
        batch = tokenizer(sentences, padding=True, return_tensors="pt")
        with torch.no_grad():
            states = model(**batch, output_hidden_states=True).hidden_states
        vectors.append(
            mean_pool(states[retrieval_layer(model.config.num_hidden_layers)], batch["attention_mask"]).numpy()
        )
    right = sum(found == i for i, found in enumerate(nearest_neighbours(*vectors)))
    assert right >= 7  # of 8; one would be chance
