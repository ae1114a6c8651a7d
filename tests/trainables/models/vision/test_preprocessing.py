"""Images become what the image processors of transformers make of them; what is none is a line."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from trainables.models.backbones import UnsupportedModel
from trainables.models.vision.preprocessing import Preprocessing, UnreadableImage, read_preprocessing
from trainables.models.vision.shape import PREPROCESSOR, shape_of_tower
from trainables.models.vision.tower import Tower


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


def noise(height: int, width: int, channels: int = 3) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, channels), dtype=np.uint8))


SMALL = {"size": {"shortest_edge": 24}, "crop_size": {"height": 16, "width": 16}}
PROCESSORS = {
    "clip": (CLIPImageProcessorPil, SMALL),
    "clip, larger than what is resized": (CLIPImageProcessorPil, {**SMALL, "size": {"shortest_edge": 9}}),
    "clip, not resized": (CLIPImageProcessorPil, {**SMALL, "do_resize": False}),
    "siglip": (SiglipImageProcessorPil, {"size": {"height": 16, "width": 16}}),
    "siglip, bilinear, not normalised": (
        SiglipImageProcessorPil,
        {"size": {"height": 16, "width": 16}, "resample": 2, "do_normalize": False},
    ),
}


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize("size", [(16, 16), (37, 21), (20, 50), (11, 13)])
def test_pixels_are_those_of_the_processor(name, size, tmp_path):
    kind, settings = PROCESSORS[name]
    processor = kind(**settings)
    processor.save_pretrained(tmp_path)
    shape = shape_of_tower({"image_size": 16, "patch_size": 8, "hidden_size": 8, "num_attention_heads": 2}, "it")
    ours = read_preprocessing(tmp_path / PREPROCESSOR, shape, "it")
    image = noise(*size)
    tower = Tower(torch.nn.Identity(), shape, ours, frozen=False)
    pixels = torch.from_numpy(ours.pixels(encoded(image)).copy()).unsqueeze(0)
    theirs = processor(images=image, return_tensors="np")["pixel_values"]
    np.testing.assert_allclose(tower.normalised(pixels).numpy(), theirs, atol=1e-6)


def test_what_is_transparent_is_on_white_and_all_forms_are_read():
    plain = Preprocessing.plain(8)
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert (plain.pixels(encoded(clear)) == 255).all()
    for mode in ("1", "L", "P", "LA", "CMYK", "I;16"):
        form = "TIFF" if mode in ("CMYK", "I;16") else "PNG"
        assert plain.pixels(encoded(Image.new(mode, (5, 9)), form)).shape == (8, 8, 3)


@pytest.mark.parametrize(
    "broken",
    [b"", b"no image", encoded(noise(40, 40))[:200], encoded(noise(40, 40), "JPEG")[:300], b"GIF89a" + bytes(20)],
)
def test_what_cannot_be_decoded_is_a_line(broken):
    with pytest.raises(UnreadableImage) as error:
        Preprocessing.plain(8).pixels(broken)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": {"shortest_edge": 24}, "do_center_crop": False}, "squares of 16"),
        ({"crop_size": {"height": 8, "width": 8}}, "squares of 16"),
        ({"image_mean": "none"}, "says not how"),
        ({"size": None}, "says not how"),
        ({"resample": 99}, "says not how"),
        ({"image_std": [0.0, 1.0, 1.0]}, "squares of 16"),
    ],
)
def test_a_configuration_that_gives_other_images_is_refused(change, said, tmp_path):
    config = {**SMALL, "do_center_crop": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, **change}
    (tmp_path / PREPROCESSOR).write_text(json.dumps(config))
    shape = shape_of_tower({"image_size": 16, "patch_size": 8}, "it")
    with pytest.raises(UnsupportedModel, match=said):
        read_preprocessing(tmp_path / PREPROCESSOR, shape, "it")
