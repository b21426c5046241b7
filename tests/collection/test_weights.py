from __future__ import annotations

import hashlib
import http.server
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision import models

from dxr_dash import settings
from dxr_dash.collection.networks import load_network
from dxr_dash.collection.running import Extractor
from dxr_dash.collection.thingsnet import load_thingsnet
from dxr_dash.errors import NetworkError
from tests.random_networks import SMALL, MakeWeights, batch_of, plain_model, weights_maker


@pytest.fixture(scope="module")
def make_weights(tmp_path_factory: pytest.TempPathFactory) -> MakeWeights:
    return weights_maker(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill batches up to 4 images only, where more would but take time."""
    monkeypatch.setattr(settings, "BATCH_IMAGES", 4)


# Weights from a file


def refusal(file: Path, network: str = SMALL) -> str:
    with pytest.raises(NetworkError) as refused:
        load_network(network, "penultimate", weights=file, device="cpu")
    return str(refused.value)


@pytest.mark.usefixtures("small_batches")
def test_weights_may_be_safetensors_or_wrapped_as_training_scripts_do(
    make_weights: MakeWeights, tmp_path: Path
) -> None:
    state = torch.load(make_weights(SMALL), weights_only=True)
    save_file(state, tmp_path / "1.safetensors")
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in state.items()}},
        tmp_path / "2.pt",
    )
    torch.save({"model": {key: value.half() for key, value in state.items()}}, tmp_path / "3.pt")
    loaded = [
        load_network(SMALL, "penultimate", weights=file, device="cpu")
        for file in (make_weights(SMALL), *sorted(tmp_path.iterdir()))
    ]
    first, *others = (one.forward(batch_of(one, 2)) for one in loaded)
    assert (first == others[0]).all()
    assert (first == others[1]).all()
    assert np.allclose(first, others[2], atol=1e-2 * np.abs(first).max())


@pytest.mark.usefixtures("small_batches")
def test_published_files_of_old_versions_fit(tmp_path: Path) -> None:
    state = plain_model("densenet121").state_dict()
    old = {
        key.replace("norm1", "norm.1").replace("conv2", "conv.2"): value
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")
    }
    torch.save(old, tmp_path / "old.pth")
    assert (
        load_network("densenet121", "penultimate", weights=tmp_path / "old.pth", device="cpu").n_dims == 1024
    )


def test_weights_that_do_not_fit_are_refused_with_what_is_wrong(
    make_weights: MakeWeights, tmp_path: Path
) -> None:
    file = tmp_path / "mine.pth"
    state = torch.load(make_weights(SMALL), weights_only=True)

    torch.save({key: value for key, value in state.items() if key != "classifier.1.bias"}, file)
    assert f"{file} does not fit {SMALL}: it has no classifier.1.bias." in refusal(file)
    torch.save(state | {"extra": torch.zeros(1)}, file)
    assert "it has also extra" in refusal(file)
    torch.save(state | {"classifier.1.bias": torch.zeros(7)}, file)
    assert "classifier.1.bias is 7 there and 1000 in the network" in refusal(file)
    message = refusal(make_weights("mobilenet_v3_small"))
    assert "it has no features.0.weight, features.0.bias, features.3.squeeze.weight and" in message
    assert "name the network that" in message


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda bias: bias.to(torch.complex64), "is a strided tensor of complex64. Give dense tensors of real"),
        (torch.Tensor.to_sparse, "is a sparse_coo tensor of float32. Give dense"),
        (lambda bias: bias.to("meta"), "is a meta tensor of float32. Give dense"),
        (lambda bias: torch.quantize_per_tensor(bias, 1, 0, torch.qint8), "is a strided tensor of qint8. Give dense"),
        (lambda bias: bias.int(), "is a strided tensor of int32. Give dense"),
        (lambda bias: bias * torch.nan, "holds a value that is no finite number. Give the weights of a training"),
        (lambda bias: bias + torch.inf, "holds a value that is no finite number"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("network", [SMALL, "thingsnet"])
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_weights_whose_values_can_be_of_no_use_are_refused_by_name(
    network: str,
    spoil: Callable[[torch.Tensor], torch.Tensor],
    words: str,
    make_weights: MakeWeights,
    tmp_path: Path,
) -> None:
    thingsnet = network == "thingsnet"
    state = (
        load_thingsnet().state_dict() if thingsnet else torch.load(make_weights(network), weights_only=True)
    )
    bias = list(state)[-1]
    torch.save(state | {bias: spoil(state[bias])}, tmp_path / "spoilt.pth")
    assert f"{bias} in {tmp_path / 'spoilt.pth'} {words}" in refusal(tmp_path / "spoilt.pth", network)


def test_files_that_are_no_weights_are_refused_with_what_they_are(tmp_path: Path) -> None:
    assert "There is no file" in refusal(tmp_path / "nothing.pth")
    assert "is no regular file" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe.pth")
    assert "is no regular file" in refusal(tmp_path / "pipe.pth")
    for name in ("text.pth", "text.safetensors"):
        (tmp_path / name).write_text("no weights")
        assert "cannot be read as weights" in refusal(tmp_path / name)
    (tmp_path / "empty.pt").touch()
    assert "cannot be read as weights" in refusal(tmp_path / "empty.pt")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")  # a whole pickled model could run any code
    message = refusal(tmp_path / "model.pt")
    assert "cannot be read as weights" in message
    assert "torch.save(model.state_dict(), FILE)" in message
    torch.save([torch.zeros(1)], tmp_path / "list.pt")
    assert "holds no state dict, but a list" in refusal(tmp_path / "list.pt")
    torch.save({"a": 1}, tmp_path / "table.pt")
    assert "holds no state dict, but a table of other things" in refusal(tmp_path / "table.pt")


@pytest.mark.usefixtures("small_batches")
def test_the_bundled_network_takes_weights_from_a_file_too(tmp_path: Path) -> None:
    bundled = load_network("thingsnet", "fc7", device="cpu")
    state = load_thingsnet().state_dict()
    torch.save({key: value * 2 for key, value in state.items()}, tmp_path / "other.pth")
    other = load_network("thingsnet", "fc7", weights=tmp_path / "other.pth", device="cpu")
    assert other.recipes != bundled.recipes
    (tmp_path / "not.pth").touch()
    assert "cannot be read" in refusal(tmp_path / "not.pth", "thingsnet")


# Weights from torchvision's site


class Site:
    """A web server of this test's own, in place of torchvision's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cache: Path, data: bytes) -> None:
        monkeypatch.setenv("TORCH_HOME", str(cache))
        self.cache = cache / "hub" / "checkpoints"
        self.data = data
        self.n_sent = 0
        self._monkeypatch = monkeypatch
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.n_sent += self.command == "GET"
                self.send_response(200 if "weights" in self.path else 404)
                self.send_header("Content-Length", str(len(site.data)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(site.data)

            do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

            def log_message(self, *_args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def publish(self, name: str, port: int | None = None) -> None:
        """Let torchvision's enumeration point here."""
        address = f"http://127.0.0.1:{port or self.server.server_port}/{name}"
        self._monkeypatch.setattr(models.get_model_weights(SMALL).DEFAULT.value, "url", address)

    def load(self) -> Extractor:
        return load_network(SMALL, "penultimate", device="cpu")


@pytest.fixture
def site(make_weights: MakeWeights, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    site = Site(monkeypatch, tmp_path, make_weights(SMALL).read_bytes())
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.mark.usefixtures("small_batches")
def test_published_weights_are_downloaded_once_checked_and_used_from_the_cache(
    site: Site, make_weights: MakeWeights, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"weights-{hashlib.sha256(site.data).hexdigest()[:8]}.pth"
    site.publish(name)
    first, second = site.load(), site.load()
    assert site.n_sent == 1
    assert [file.name for file in site.cache.iterdir()] == [name]
    assert first.recipes == second.recipes
    given = load_network(SMALL, "penultimate", weights=make_weights(SMALL), device="cpu")
    assert first.recipes[0]["weights_sha256"] == given.recipes[0]["weights_sha256"]
    assert (first.forward(batch_of(first, 1)) == given.forward(batch_of(first, 1))).all()
    assert capsys.readouterr().out == ""  # a command's result is all that stdout may hold


def test_offline_without_weights_the_error_names_file_folder_option_and_bundled_network_at_once(
    site: Site,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    site.publish("weights-00000000.pth", port=free)
    begin = time.perf_counter()
    with pytest.raises(NetworkError) as refused:
        site.load()
    assert time.perf_counter() - begin < 3
    for part in ("weights-00000000.pth", str(site.cache), "--weights FILE", "--network thingsnet", "refused"):
        assert part in str(refused.value)
    assert not list(site.cache.parent.rglob("*.*"))  # nothing half-done is left


def test_a_site_that_accepts_and_never_answers_counts_as_offline(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "DOWNLOAD_ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        site.publish("weights-00000000.pth", port=silent.getsockname()[1])
        begin = time.perf_counter()
        with pytest.raises(NetworkError, match=r"no answer within 0\.3 s|timed out"):
            site.load()
        assert time.perf_counter() - begin < 3


def test_a_download_that_is_missing_or_other_than_promised_is_refused_and_not_kept(site: Site) -> None:
    site.publish("nowhere.pth")
    with pytest.raises(NetworkError, match=r"cannot be downloaded .*404"):
        site.load()
    site.publish("weights-00000000.pth")
    with pytest.raises(NetworkError, match="invalid hash value"):
        site.load()
    assert not list(site.cache.iterdir())


def test_a_damaged_file_in_the_cache_is_refused_by_name(site: Site) -> None:
    site.publish("weights-00000000.pth")
    site.cache.mkdir(parents=True)
    (site.cache / "weights-00000000.pth").write_bytes(site.data)
    with pytest.raises(NetworkError, match=r"weights-00000000\.pth is damaged.*Delete it"):
        site.load()
    site.publish("weights.pth")  # a name that promises nothing
    (site.cache / "weights.pth").write_bytes(site.data[:1000])
    with pytest.raises(NetworkError, match=r"weights\.pth cannot be read"):
        site.load()
