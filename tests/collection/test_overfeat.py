"""OverFeat's fast model on a file that the test makes: of the right size and order, almost all zeros."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, max_pool2d

from dxr_dash import settings
from dxr_dash.collection import overfeat
from dxr_dash.collection.networks import layer_shapes, load_network
from dxr_dash.errors import NetworkError
from tests.bad_images import noise

# Where the published loaders of this file seek to, in numbers: weights and biases of each layer
OFFSETS = {
    "conv1": (0, 34_848), "conv2": (34_944, 649_344), "conv3": (649_600, 1_829_248), "conv4": (1_829_760, 6_548_352),
    "conv5": (6_549_376, 15_986_560), "fc6": (15_987_584, 129_233_792), "fc7": (129_236_864, 141_819_776),
    "fc8": (141_823_872, 145_919_872),
}  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A sparse file: in each filter a few weights, in each layer some biases."""
    path = tmp_path_factory.mktemp("overfeat") / "net_weight_0"
    with path.open("wb") as opened:
        opened.truncate(overfeat.N_BYTES)
    values = np.memmap(path, "<f4", "r+")
    random = np.random.default_rng(0)
    for name, (weights, biases) in OFFSETS.items():
        n_filters, *rest = overfeat.SHAPES[name]
        size = int(np.prod(rest))
        filters = random.choice(n_filters, 40, replace=False)
        for one in filters:
            values[weights + one * size + random.integers(0, size, 6)] = random.normal(0, 0.5, 6)
        values[biases + filters] = random.uniform(0, 0.3, 40)
    values.flush()
    del values
    yield path
    path.unlink()


def test_the_file_is_as_long_as_its_layers() -> None:
    assert overfeat.N_PARAMETERS == 145_920_872
    assert list(OFFSETS) == list(overfeat.SHAPES)


def test_layers_have_the_shapes_of_the_paper() -> None:
    shapes = layer_shapes("overfeat")
    assert [shapes[name] for name in ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5", "fc6", "fc7", "fc8")] == [
        (1, 96, 56, 56), (1, 96, 28, 28), (1, 256, 24, 24), (1, 256, 12, 12), (1, 1024, 12, 12), (1, 1024, 6, 6),
        (1, 3072), (1, 4096), (1, 1000),
    ]  # fmt: skip


def test_features_are_those_of_the_layers_computed_one_by_one(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "BATCH_IMAGES", 1)
    layers = ["conv1:flatten", "pool2:flatten", "conv5:flatten", "pool5:flatten", "fc6", "fc7", "fc8"]
    loaded = load_network("overfeat", layers, weights=file, device="cpu")
    prepared = loaded.prepare(noise((260, 240)))
    assert prepared.shape == (3, 231, 231)
    vectors = np.split(loaded.forward(prepared[None]), np.cumsum(loaded.widths)[:-1], axis=1)

    values = np.memmap(file, "<f4", "r")

    def layer(name: str, images: torch.Tensor, stride: int = 1, padding: int = 0) -> torch.Tensor:
        weights, biases = OFFSETS[name]
        n_filters, *rest = overfeat.SHAPES[name]
        weight = torch.from_numpy(np.array(values[weights : weights + n_filters * int(np.prod(rest))]))
        bias = torch.from_numpy(np.array(values[biases : biases + n_filters]))
        return conv2d(images, weight.reshape(n_filters, *rest), bias, stride, padding)

    conv1 = layer(
        "conv1", (torch.from_numpy(prepared.astype(np.float32))[None] - 118.380948) / 61.896913, 4
    ).relu()
    pool2 = max_pool2d(layer("conv2", max_pool2d(conv1, 2)).relu(), 2)
    conv5 = layer("conv5", layer("conv4", layer("conv3", pool2, 1, 1).relu(), 1, 1).relu(), 1, 1).relu()
    pool5 = max_pool2d(conv5, 2)
    fc6 = layer("fc6", pool5).relu()
    fc7 = layer("fc7", fc6).relu()
    for found, expected in zip(
        vectors, [conv1, pool2, conv5, pool5, fc6, fc7, layer("fc8", fc7)], strict=True
    ):
        plain = expected.flatten(1).numpy()
        assert (plain != 0).any()
        assert np.abs(found - plain).max() <= 1e-5 * max(1.0, np.abs(plain).max())


def test_other_files_are_refused_in_words(tmp_path: Path, file: Path) -> None:
    with pytest.raises(NetworkError, match=r"not part of dxr and are not downloaded.*net_weight_0"):
        load_network("overfeat", "fc7")
    with pytest.raises(NetworkError, match="There is no weights file"):
        load_network("overfeat", "fc7", weights=tmp_path / "none")
    other = tmp_path / "other"
    other.write_bytes(b"1234")
    with pytest.raises(NetworkError, match="has 4 bytes, where net_weight_0 has 583,683,488"):
        load_network("overfeat", "fc7", weights=other)
    with other.open("wb") as opened:
        opened.truncate(overfeat.LARGE_N_BYTES)
    with pytest.raises(NetworkError, match="of the size of net_weight_1"):
        load_network("overfeat", "fc7", weights=other)
    for value in (np.nan, 1e20):
        with other.open("wb") as opened:
            opened.truncate(overfeat.N_BYTES)
        np.memmap(other, "<f4", "r+")[77] = value
        with pytest.raises(NetworkError, match="holds values such as no trained network has"):
            load_network("overfeat", "fc7", weights=other)
