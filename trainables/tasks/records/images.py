"""Images with captions: for image-text alignment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainables.task_types import Length, get_task_type
from trainables.tasks.hyperparameters import Defaults
from trainables.tasks.records.notation import words
from trainables.tasks.sources import Row
from trainables.tasks.sources.folder.captions import CaptionedImages, Sheet, multi30k
from trainables.tasks.sources.hub.table import HubTable
from trainables.tasks.task import Licence, Split, Task

_METRICS = get_task_type("image-text").usual_metrics
# Published settings are for batches of 32,768 pairs from nothing; these are for a pretrained encoder and small data.
_SETTINGS = {"own": Defaults(64, 256, 5e-5, 10, evaluate_every=100, source="xstilts")}
_LENGTHS: dict[Split, Length] = {"train": Length(16.0), "test": Length(16.0)}
_EMOJI = words("en ar bg de el es et eu fi fr hi id it ja ko ru sw ta th tr ur vi zh")
_XM3600 = words(
    "en ar bn cs da de el es fa fi fil fr he hi hr hu id it ja ko mi nl no pl pt quz ro ru sv sw te th tr uk vi zh"
)


def _captioned(record: Mapping[str, Any]) -> list[Row]:
    """A row for each caption of an image."""
    captions = dict.fromkeys(text.strip() for text in record["captions"])
    return [
        {"id": f"{record['image_id']}-{number}", "image": record["image"], "text": text}
        for number, text in enumerate(captions)
        if text
    ]


IMAGES = (
    Task(
        name="emoji",
        type="image-text",
        languages=_EMOJI,
        other_train_languages=_EMOJI[1:],
        trains_on=("emoji",),
        has_train=True,
        main_metrics=_METRICS,
        folder=CaptionedImages(
            "emoji_cldr",
            captions="names",
            sheet=Sheet("twemoji_sheet_32.png", "emoji.tsv", ("unified", "sheet_x", "sheet_y"), side=32, border=1),
        ),
        settings=_SETTINGS,
        lengths=_LENGTHS,
        estimated_rows={
            "train": dict.fromkeys(_EMOJI, 1277),
            "dev": dict.fromkeys(_EMOJI, 157),
            "test": dict.fromkeys(_EMOJI, 151),
        },
        licence=Licence(
            data="1,585 emoji as images of 32 pixels (Twemoji), names and keywords in 23 languages (CLDR)",
            source="npm: `emoji-datasource-twitter` 16.0.0, `cldr-annotations-full` 48.2.0; files only",
            terms="images CC BY 4.0; names Unicode-3.0",
        ),
    ),
    # An evaluation set: a model that was trained on part of it has no score of the whole.
    Task(
        name="xm3600",
        type="image-text",
        languages=_XM3600,
        other_train_languages=_XM3600[1:],
        trains_on=("xm3600",),
        has_train=True,
        main_metrics=_METRICS,
        folder=CaptionedImages("xm3600"),
        hub=(
            HubTable(
                dataset="mteb/xm3600",
                splits={"train": "{code}", "dev": "{code}", "test": "{code}"},
                languages=_XM3600,
                mapper=_captioned,
                divided_by="image_id",
            ),
        ),
        settings=_SETTINGS,
        lengths=_LENGTHS,
        estimated_rows={
            "train": dict.fromkeys(_XM3600, 5760),
            "dev": dict.fromkeys(_XM3600, 720),
            "test": dict.fromkeys(_XM3600, 720),
        },
        licence=Licence(
            data="Crossmodal-3600: 3,600 photographs, about two captions of each in each of 36 languages",
            source="google/crossmodal-3600; hub `mteb/xm3600`",
            terms="CC BY 4.0",
        ),
    ),
    Task(
        name="multi30k",
        type="image-text",
        languages=words("en de fr cs"),
        other_train_languages=words("de fr cs"),
        trains_on=("multi30k",),
        has_train=True,
        main_metrics=_METRICS,
        folder=multi30k,
        settings=_SETTINGS,
        lengths=_LENGTHS,
        expected_rows={
            "train": dict.fromkeys(words("en de fr cs"), 29_000),
            "dev": {"en": 1014},
            "test": dict.fromkeys(words("en de fr cs"), 1000),
        },
        licence=Licence(
            data="Multi30k, task 1: Flickr30k's images, each with one caption and its translations",
            source="multi30k/dataset; images: shannon.cs.illinois.edu/DenotationGraph; the hub has no images",
            terms="captions CC BY-SA 4.0 (not verified); images: Flickr's terms, for research",
        ),
    ),
)
