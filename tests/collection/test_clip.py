from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from dxr_dash import api
from dxr_dash.cli import cli
from dxr_dash.collection.networks import checked_layer, layer_shapes, load_network
from dxr_dash.errors import NetworkError
from tests.bad_images import noise
from tests.builders import write_pictures

open_clip = pytest.importorskip("open_clip", reason="the extra dxr-dash[clip] is not installed")

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
}
NETWORK = "clip:dxr-tiny"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("clip") / "dxr-tiny.json"
    file.write_text(json.dumps(TINY))
    open_clip.add_model_config(file)
    torch.manual_seed(0)
    return open_clip.create_model("dxr-tiny", load_weights=False).eval()


@pytest.fixture(scope="module")
def weights(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("weights") / "tiny.pt"
    torch.save(model.state_dict(), file)
    return file


def test_vectors_are_those_of_open_clip_itself(model: Any, weights: Path) -> None:
    transform = open_clip.transform.image_transform_v2(
        open_clip.transform.PreprocessCfg(**open_clip.get_model_preprocess_cfg(model)), is_train=False
    )
    images = [noise((70 + 30 * seed, 50), seed) for seed in range(3)]
    with torch.inference_mode():
        expected = model.encode_image(torch.stack([transform(image) for image in images])).numpy()
    assert layer_shapes(NETWORK) == {"image": (1, 16)}
    network = load_network(NETWORK, "image", weights=weights, device="cpu")
    found = network.forward(np.stack([network.prepare(image) for image in images]))
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * max(1, np.abs(expected).max()))


def test_names_and_weights_that_do_not_do_are_refused(model: Any, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"no network ViT-B-33\. Did you mean clip:ViT-B-32"):
        checked_layer("clip:ViT-B-33/openai", "image")
    with pytest.raises(NetworkError, match=r"no weights opnai for ViT-B-32\. It has openai"):
        checked_layer("clip:ViT-B-32/opnai", "image")
    with pytest.raises(NetworkError, match=r"does not say which weights"):
        load_network(NETWORK, "image")
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(NetworkError, match=r"does not fit clip:dxr-tiny"):
        load_network(NETWORK, "image", weights=tmp_path / "other.pt")
    state = {key: values * torch.nan for key, values in model.state_dict().items()}
    torch.save(state, tmp_path / "nan.pt")
    with pytest.raises(NetworkError, match=r"in .*nan\.pt holds a value that is no finite number"):
        load_network(NETWORK, "image", weights=tmp_path / "nan.pt")


def test_words_find_the_images_that_open_clip_puts_next_to_them(
    model: Any, weights: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "photos.dxr"
    images = write_pictures(tmp_path / "photos", 12)
    api.build(images, folder, network=NETWORK, layer="image", weights=weights)
    opened = api.open_collection(folder)
    assert list(opened.spaces) == ["clip:dxr-tiny.image"]
    found = api.nearest_to_text(opened, "a face in a thing", k=5)
    with torch.inference_mode():
        text = model.encode_text(open_clip.get_tokenizer("dxr-tiny")(["a face in a thing"]), normalize=True)[
            0
        ]
    vectors = opened.space(None).vectors
    expected = 1 - vectors @ text.numpy() / np.linalg.norm(vectors, axis=1)
    np.testing.assert_array_equal(found.rows, np.argsort(expected, kind="stable")[:5])
    np.testing.assert_allclose(found.distances, np.sort(expected)[:5], atol=1e-6)
    ran = CliRunner().invoke(cli, ["query", str(folder), "--text", "a face in a thing"])
    assert ran.exit_code == 0
    listed = [line.split(maxsplit=1)[1] for line in ran.output.splitlines()[1:6]]
    assert listed == [opened.path(int(row)) for row in found.rows]
    assert "no baseline, no verdict" in ran.output
    both = CliRunner().invoke(cli, ["query", str(folder), "--text", "a face", "--name", "faces"])
    assert both.exit_code == 2


def test_only_spaces_that_share_their_place_with_texts_take_words(
    model: Any, weights: Path, tmp_path: Path
) -> None:
    from dxr_dash.errors import QueryError

    folder = tmp_path / "photos.dxr"
    images = write_pictures(tmp_path / "photos", 12)
    api.build(images, folder, network="tiny", layer="pixels8")
    opened = api.open_collection(folder)
    with pytest.raises(QueryError, match=r"no words"):
        api.nearest_to_text(opened, "a face")
    api.build(images, folder, network=NETWORK, layer="image", weights=weights, recipe="pca:4")
    opened = api.open_collection(folder)
    with pytest.raises(QueryError, match=r"recipe"):
        api.nearest_to_text(opened, "a face", space="clip:dxr-tiny.image+pca:4")
    with pytest.raises(QueryError, match=r"no text"):
        api.nearest_to_text(opened, "  ")
