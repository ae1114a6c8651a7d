"""From an image file to the pixels that a vision tower reads, by Pillow and numpy alone.

Once, when data are prepared: decoded, turned upright, put on white where it is transparent, resized and cropped, kept
as whole numbers. So no number depends on which machine decodes a JPEG while it trains. When a tower reads it
(`trainables.models.vision.tower`): scaled and normalised. All as the model's `preprocessor_config.json` says, and as
the image processors of transformers do it (`tests/trainables/models/vision/test_preprocessing.py`).
"""

from __future__ import annotations

import io
import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from trainables.models.backbones import UnsupportedModel
from trainables.models.vision.shape import PREPROCESSOR, TowerShape
from trainables.outside.text import shown

Pixels = NDArray[np.uint8]
LARGEST = 50_000_000
"""Pixels of an image, at most: a small file may describe a huge one."""


class UnreadableImage(ValueError):
    """Bytes that are no image; the message goes on after its name."""


@dataclass(frozen=True)
class Preprocessing:
    """What becomes of an image.

    Attributes:
        size: height and width that it is resized to; None: it is not.
        shortest: resize so that the shorter side has `size[0]` pixels, and keep the ratio.
        crop: height and width that are cut out of the middle, filled up with black; None: nothing is cut.
        resample: Pillow's filter.
        scale: multiplies pixels; None: they stay 0 to 255.
        mean, std: of each channel, by which scaled pixels are normalised.
    """

    size: tuple[int, int] | None
    shortest: bool
    crop: tuple[int, int] | None
    resample: int
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def plain(cls, pixels: int) -> Preprocessing:
        """Of a tower that has no configuration: squares, from -1 to 1, as SigLIP has them."""
        half = (0.5, 0.5, 0.5)
        return cls((pixels, pixels), True, (pixels, pixels), Image.Resampling.BICUBIC, 1 / 255, half, half)

    @classmethod
    def of(cls, config: Mapping[str, Any], shape: TowerShape, name: str) -> Preprocessing:
        """As a `preprocessor_config.json` says. Raises UnsupportedModel where it gives no image of the tower's size."""
        try:
            size, shortest = _size(config["size"]) if config.get("do_resize", True) else (None, False)
            crop = _size(config["crop_size"])[0] if config.get("do_center_crop", "crop_size" in config) else None
            normal = config.get("do_normalize", True)
            found = cls(
                size=size,
                shortest=shortest,
                crop=crop,
                resample=int(config.get("resample", Image.Resampling.BICUBIC)),
                scale=float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0,
                mean=tuple(map(float, config["image_mean"])) if normal else (0.0, 0.0, 0.0),
                std=tuple(map(float, config["image_std"])) if normal else (1.0, 1.0, 1.0),
            )
            Image.Resampling(found.resample)
        except (KeyError, TypeError, ValueError) as error:
            raise UnsupportedModel(f"{name}: its {PREPROCESSOR} says not how images are made ({error!r})") from None
        given = found.crop or (None if shortest else found.size)
        if given != (shape.image, shape.image) or not len(found.mean) == len(found.std) == 3 or 0.0 in found.std:
            raise UnsupportedModel(
                f"{name}: its {PREPROCESSOR} gives images of {shown(given)} in {len(found.mean)} channels, and its "
                f"tower reads squares of {shape.image} in 3; give a model whose files belong together"
            )
        return found

    def pixels(self, encoded: bytes) -> Pixels:
        """The image of some bytes (height x width x 3). Raises UnreadableImage."""
        image = opened(encoded)
        if self.size is not None:
            image = image.resize(self._target(image), Image.Resampling(self.resample))
        found: Pixels = np.asarray(image)
        return found if self.crop is None else _cropped(found, self.crop)

    def _target(self, image: Image.Image) -> tuple[int, int]:
        """Width and height after resizing."""
        assert self.size is not None
        if not self.shortest:
            return self.size[1], self.size[0]
        short, long = sorted(image.size)
        other = int(self.size[0] * long / short)
        return (self.size[0], other) if image.width <= image.height else (other, self.size[0])


def opened(encoded: bytes) -> Image.Image:
    """An image in RGB. Raises UnreadableImage."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(io.BytesIO(encoded))
            if image.width * image.height > LARGEST:
                raise UnreadableImage(
                    f"has {image.width} x {image.height} pixels; give an image of at most {LARGEST:,} in all"
                )
            image.load()
            image = ImageOps.exif_transpose(image)
            if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            return image.convert("RGB")
    except UnidentifiedImageError:
        raise UnreadableImage("is no image that can be decoded; write a PNG, JPEG or WebP") from None
    except UnreadableImage:
        raise
    except Exception as error:  # Pillow's decoders raise what they like on damaged files
        raise UnreadableImage(f"cannot be decoded ({shown(str(error), 80)}); write it again") from None


def read_preprocessing(place: Path | None, shape: TowerShape, name: str) -> Preprocessing:
    """That of a tower's folder; plain where it has none (`place` is None). Raises UnsupportedModel."""
    if place is None:
        return Preprocessing.plain(shape.image)
    try:
        config = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnsupportedModel(
            f"{name}: its {PREPROCESSOR} cannot be read ({error}); it says how images are made"
        ) from None
    if not isinstance(config, dict):
        raise UnsupportedModel(f"{name}: its {PREPROCESSOR} is {shown(config)}, and a mapping belongs there")
    return Preprocessing.of(config, shape, name)


def _size(value: Any) -> tuple[tuple[int, int], bool]:
    """Height and width, and whether they are those of the shorter side."""
    if isinstance(value, int):
        return (value, value), False
    if "shortest_edge" in value:
        return (int(value["shortest_edge"]),) * 2, True
    return (int(value["height"]), int(value["width"])), False


def _cropped(pixels: Pixels, crop: tuple[int, int]) -> Pixels:
    height, width = pixels.shape[:2]
    if height < crop[0] or width < crop[1]:
        whole = np.zeros((max(height, crop[0]), max(width, crop[1]), 3), dtype=np.uint8)
        top, left = math.ceil((whole.shape[0] - height) / 2), math.ceil((whole.shape[1] - width) / 2)
        whole[top : top + height, left : left + width] = pixels
        pixels, (height, width) = whole, whole.shape[:2]
    top, left = (height - crop[0]) // 2, (width - crop[1]) // 2
    return np.ascontiguousarray(pixels[top : top + crop[0], left : left + crop[1]])
