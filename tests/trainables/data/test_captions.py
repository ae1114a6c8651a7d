"""Captions as text: every caption beside that of the same image in the next language; folders of captioned images."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from trainables.data.images import Images
from trainables.data.prepare import load_split
from trainables.recipe.recipes import DataRecipe
from trainables.tasks import get_task
from trainables.tasks.sources import DataError, split_by
from trainables.tasks.sources.folder.captions import CaptionedImages, Sheet

LANGUAGES = ("one", "two", "four")


def prepared(world, objective):
    rows = world.rows("gen-images", "train", *LANGUAGES) + world.rows("gen-images", "dev", *LANGUAGES)
    task = get_task("gen-images").spec(type=objective)
    return world.do(DataRecipe(task=task, rows=rows, tokenizer=world.tokenizer(), max_length=64))


def captions(world, language, split="train"):
    rows = world.source.settled(get_task("gen-images"), split, language).rows
    return {row["id"]: row["text"] for row in rows}


def test_pairs_go_round_the_languages(world):
    step = prepared(world, "translation-ranking")
    for place, language in enumerate(LANGUAGES):
        after = captions(world, LANGUAGES[(place + 1) % len(LANGUAGES)])
        features, examples = load_split(world.store, step, f"train-{language}")
        assert {row["id"]: (row["text"], row["translation"]) for row in examples} == {
            name: (text, after[name]) for name, text in captions(world, language).items()
        }
        assert len(features) == len(examples)


def test_denoising_reads_each_caption_once(world):
    step = prepared(world, "masked-lm")
    for language in LANGUAGES:
        _, examples = load_split(world.store, step, f"train-{language}")
        assert {row["id"]: row["text"] for row in examples} == captions(world, language)
        assert set(examples["translation"][:]) == {""}


def test_an_image_is_kept_once_whatever_its_captions(world):
    rows = world.rows("gen-images", "train", *LANGUAGES)
    step = world.data("gen-images", rows)
    features = [load_split(world.store, step, f"train-{language}")[0].to_list() for language in LANGUAGES]
    assert [[row["image"] for row in one] for one in features[1:]] == [[row["image"] for row in features[0]]] * 2
    images = Images(world.store, (step,))
    source = world.source.settled(get_task("gen-images"), "train", "one").rows
    for row, drawn in zip(images(features[2]), source, strict=True):
        shown = Image.frombytes("RGB", (row["width"], row["height"]), row["pixels"])
        assert shown.tobytes() == Image.open(io.BytesIO(drawn["image"]["bytes"])).convert("RGB").tobytes()
        assert row["patches"] == (32 // 8) ** 2 + 1


NAMES = [f"image-{i}" for i in range(40)]


def table(folder, language, names=NAMES):
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}\tname {name}\tname {name} | word | {language}\n" for name in names]
    (folder / f"{language}.tsv").write_text("".join(lines))


def rows_of(finder, folder, split, language="en"):
    return list(finder(folder, get_task("emoji"), split, language).read())


def test_images_are_cut_out_of_a_sheet(tmp_path):
    place = tmp_path / "mine"
    table(place / "names", "en")
    table(place / "names", "de", NAMES[:20])
    sheet = Image.new("RGBA", (8 * 4, 5 * 4))
    for i in range(40):
        sheet.paste((i, 255 - i, 7, 255), (4 * (i % 8) + 1, 4 * (i // 8) + 1, 4 * (i % 8) + 3, 4 * (i // 8) + 3))
    sheet.save(place / "sheet.png")
    places = [f"{name}\t{i % 8}\t{i // 8}\n" for i, name in enumerate(NAMES)]
    (place / "index.tsv").write_text("name\tx\ty\n" + "".join(places))
    finder = CaptionedImages("mine", "names", Sheet("sheet.png", "index.tsv", ("name", "x", "y"), side=2, border=1))
    seen = {}
    for split in ("train", "dev", "test"):
        for row in rows_of(finder, tmp_path, split):
            number = NAMES.index(row["id"])
            image = Image.open(io.BytesIO(row["image"]["bytes"]))
            assert image.size == (2, 2)
            assert image.getcolors() == [(4, (number, 255 - number, 7, 255))]
            assert row["text"] == f"name {row['id']}: word, en"
            seen[row["id"]] = split
    assert seen == {name: split_by(name) for name in NAMES}
    assert {row["id"] for row in rows_of(finder, tmp_path, "train", "de")} < set(NAMES[:20])
    table(place / "names", "fr", [*NAMES, "image-unknown"])
    split = split_by("image-unknown")
    with pytest.raises(DataError, match=r'fr\.tsv: "image-unknown" is a caption without an image'):
        rows_of(finder, tmp_path, split, "fr")


def test_images_may_be_files(tmp_path):
    place = tmp_path / "mine"
    table(place / "captions", "en")
    (place / "images").mkdir()
    for name in NAMES:
        Image.new("RGB", (3, 3), "red").save(place / "images" / f"{name}.jpg")
    finder = CaptionedImages("mine")
    found = rows_of(finder, tmp_path, "train")
    assert [row["id"] for row in found] == [name for name in NAMES if split_by(name) == "train"]
    located = finder(tmp_path, get_task("emoji"), "train", "en")
    assert len(located.files) == 1 + len(found)
    (place / "images" / f"{found[0]['id']}.jpg").unlink()
    with pytest.raises(DataError, match="is a caption without an image"):
        rows_of(finder, tmp_path, "train")
