from __future__ import annotations

import io
import json
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from dxr_dash import api, settings
from dxr_dash.analysis.map_order import map_order
from dxr_dash.browser import map_panel, urls
from dxr_dash.browser.chosen import selected_rows
from dxr_dash.browser.server import create_app, serve
from dxr_dash.browser.state import Selection
from dxr_dash.collection.store import Collection
from dxr_dash.collection.tiles import mosaic_tile
from dxr_dash.errors import DxrError
from tests.browser.conftest import Site

ORIGIN = "http://localhost"


@pytest.fixture
def client(site: Site) -> FlaskClient:
    found: FlaskClient = create_app(site[0]).server.test_client()
    return found


@pytest.fixture
def own(folder: Path) -> tuple[Collection, FlaskClient]:
    collection = api.open_collection(folder)
    return collection, create_app(collection).server.test_client()


def test_the_pages_files_are_kept_by_the_browser_and_have_another_address_when_they_change(
    site: Site, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script_of(some: FlaskClient) -> str:
        parts: list[str] = some.get("/").text.split('"')
        return next(part for part in parts if "/assets/" in part and "state.js" in part)

    path = script_of(client)
    with client.get(path) as answer:
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        script = answer.data
    missing = client.get(path.replace("state.js", "none.js"))
    assert missing.status_code == 404
    assert "immutable" not in missing.headers.get("Cache-Control", "")
    assert path == script_of(create_app(site[0]).server.test_client())
    (tmp_path / "state.js").write_bytes(script + b"\n")
    monkeypatch.setattr("dxr_dash.browser.server._assets", lambda: tmp_path)
    assert path.split("/")[2] != script_of(create_app(site[0]).server.test_client()).split("/")[2]


def test_thumbnails_are_kept_by_the_browser_and_bring_name_and_label(site: Site, client: FlaskClient) -> None:
    answer = client.get("/" + urls.thumbnail(site[0], 5))
    assert answer.data == site[0].thumbnail(5)
    assert "immutable" in answer.headers["Cache-Control"]
    about = json.loads(unquote(answer.headers["X-Dxr-Image"]))
    assert about == {"name": site[0].path(5), "label": site[0].label(5)}


@pytest.mark.parametrize(
    "path",
    [
        "/thumbnails/{v}/99999.jpg",
        "/thumbnails/other/1.jpg",
        "/outside/{v}/cars/0.jpg",
        "/outside/{v}/no/0.jpg",
    ]
    + [
        "/order/{v}/no/umap/9/0.u32",
        "/order/{v}/thingsnet.fc7/no/9/0.u32",
        "/order/other/thingsnet.fc7/umap/9/0.u32",
    ]
    + ["/selected/{v}/9/0.u32", "/selected/{v}/9/0.u32?lasso=1,2", "/selected/{v}/9/0.u32?pick=column:no=1"]
    + ["/selected/{v}/9/0.u32?pick=%FF=1", "/selected/other/9/0.u32?pick=cluster=0", "/slivers/{v}/99999.jpg"]
    + ["/slivers/{v}/1,,2.jpg", "/slivers/{v}/-1.jpg", "/slivers/{v}/1,.jpg", "/slivers/{v}/x.jpg"]
    + ["/slivers/other/1.jpg", "/slivers/{v}/..%2F..%2Fmanifest.jpg", "/slivers/{v}/١.jpg"]
    + ["/slivers/{v}/" + ",".join(["1"] * 129) + ".jpg", "/slivers/{v}/9999999999.jpg"]
    + [
        *("/coordinates/{v}/no/umap/points.f32", "/coordinates/{v}/thingsnet.fc7/pca/points.f32"),
        *("/coordinates/{v}/thingsnet.fc7/umap/heap.f32", "/coordinates/old/thingsnet.fc7/umap/points.f32"),
        *("/distances/{v}/thingsnet.fc7/no.f32", "/thumbnails/{v}/-1.jpg"),
        *("/mosaic/old/thingsnet.fc7/umap/3/0_0.webp", "/mosaic/{v}/no/umap/3/0_0.webp"),
        *("/mosaic/{v}/thingsnet.fc7/pca/3/0_0.webp", "/mosaic/{v}/thingsnet.fc7/umap/8/0_0.webp"),
        *("/mosaic/{v}/thingsnet.fc7/umap/3/1_0.webp", "/mosaic/{v}/thingsnet.fc7/umap/3/0_99999.webp"),
        *("/mosaic/{v}/thingsnet.fc7/umap/-1/0_0.webp", "/mosaic/{v}/thingsnet.fc7/umap/3/0_0.png"),
        "/colours/old/thingsnet.fc7/umap/points/light.png?by=cluster",
        *(
            "/colours/{v}/thingsnet.fc7/umap/points/light.png?by=column:no",
            "/colours/{v}/no/umap/points/light.png",
        ),
        *(
            "/colours/{v}/thingsnet.fc7/umap/points/pink.png?by=cluster",
            "/colours/{v}/thingsnet.fc7/umap/x/dark.png",
        ),
        "/colours/{v}/thingsnet.fc7/umap/points/light.png?by=distance&set=no",
        "/map-ranks/{v}/thingsnet.fc7/umap/points/" + "9" * 40 + ".u32?rows=1",
        "/map-ranks/{v}/thingsnet.fc7/umap/xx/1.u32?rows=1",
        *(
            f"/density/{{v}}/thingsnet.fc7/umap/light.png?view={view}"
            for view in ("-1e308,1e308,-1e308,1e308", "0,5e-324,0,5e-324", "1e-310,2e-310,0,1", "0,1,-1e30,1")
        ),
    ],
    ids=lambda path: path[:60],
)
def test_what_does_not_exist_is_not_found(site: Site, client: FlaskClient, path: str) -> None:
    answer = client.get(path.format(v=urls.version(site[0])))
    assert answer.status_code == 404 or b"<title>" in answer.data  # Dash answers unknown paths with its page


def test_the_strip_gets_all_rows_in_map_order(site: Site, client: FlaskClient) -> None:
    collection = site[0]
    space = collection.space()
    for layout in space.layouts:
        answer = client.get(f"/order/{urls.version(collection)}/{space.id}/{layout}/500/0.u32")
        rows = np.frombuffer(answer.data, "<u4")
        np.testing.assert_array_equal(rows, map_order(space.layout(layout).coordinates))
        assert "immutable" in answer.headers["Cache-Control"]
    assert len(rows) == len(collection)


@pytest.mark.parametrize(
    "search", ["pick=column:label=1", "pick=cluster=0&layout=tsne", "lasso=LASSO&on=umap+points"]
)
def test_the_strip_gets_what_is_selected_in_map_order(site: Site, client: FlaskClient, search: str) -> None:
    collection = site[0]
    left, bottom = np.asarray(collection.space().coordinates).min(axis=0) - 1
    right, top = np.median(collection.space().coordinates, axis=0)
    corners = (left, bottom, right, bottom, right, top, left, top)
    search = search.replace("LASSO", ",".join(f"{one:.4g}" for one in corners))
    answer = client.get(f"/selected/{urls.version(collection)}/500/0.u32?{search}")
    rows = np.frombuffer(answer.data, "<u4")
    chosen = selected_rows(collection, Selection.from_address(search, collection))
    assert chosen is not None
    assert 0 < len(chosen) < len(collection)
    layout = "tsne" if "tsne" in search else "umap"
    ordered = map_order(collection.space().layout(layout).coordinates)
    np.testing.assert_array_equal(rows, ordered[np.isin(ordered, chosen)])


def test_slivers_come_side_by_side_and_are_kept(site: Site, client: FlaskClient) -> None:
    answer = client.get(f"/slivers/{urls.version(site[0])}/7,3,5.jpg")
    assert answer.data == api.sliver_picture(site[0], [7, 3, 5])
    assert answer.content_type == "image/jpeg"
    assert "immutable" in answer.headers["Cache-Control"]
    size = Image.open(io.BytesIO(answer.data)).size
    assert size == (3 * settings.SLIVER_WIDTH_PX, settings.SLIVER_HEIGHT_PX)


def test_coordinates_and_distances_come_as_float32(site: Site, client: FlaskClient) -> None:
    version, space = urls.version(site[0]), site[0].space()
    for name, layout in space.layouts.items():
        for arrangement, places in (("points", layout.coordinates), ("mosaic", layout.positions)):
            answer = client.get(f"/coordinates/{version}/{space.id}/{name}/{arrangement}.f32")
            np.testing.assert_array_equal(np.frombuffer(answer.data, "<f4").reshape(-1, 2), places)
    far = np.frombuffer(client.get(f"/distances/{version}/{space.id}/cars.f32").data, "<f4")
    np.testing.assert_array_equal(far, api.nearest_members(site[0], "cars").distances)


def test_tiles_of_the_mosaic_are_kept_by_the_browser(site: Site, client: FlaskClient) -> None:
    collection, version = site[0], urls.version(site[0])
    layout = collection.space().layout("tsne")
    answer = client.get(f"/mosaic/{version}/{collection.default_space}/tsne/5/1_0.webp")
    assert answer.mimetype == "image/webp"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.data == mosaic_tile(collection, layout.mosaic, 5, 1, 0)


def test_colours_come_as_one_pixel_for_each_image_or_cell(site: Site, client: FlaskClient) -> None:
    collection, space = site[0], site[0].space()
    usual = Selection.default(collection)
    for arrangement in ("points", "mosaic"):
        for by in ("cluster", "trust", "distance", "column:label"):
            selection = replace(usual, colour=by, arrangement=arrangement, layout="tsne", theme="dark")
            at = "/" + urls.colours(collection, space.id, "tsne", arrangement, "dark", by, usual.active)
            answer = client.get(at)
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.data == map_panel.colours_of(collection, selection)
            width, height = Image.open(io.BytesIO(answer.data)).size
            grid = space.layout("tsne").mosaic
            assert (width, height) == ((13, 12) if arrangement == "points" else (grid.columns, grid.rows))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/query-sets", "/_dash-update-component"])
def test_other_sites_may_not_post(client: FlaskClient, headers: dict[str, str], path: str) -> None:
    own_header = {"X-Dxr": "any", "Origin": ORIGIN}
    assert client.post(path, headers={**own_header, **headers}, data={}).status_code == 403


def test_a_form_of_another_page_cannot_upload(client: FlaskClient) -> None:
    assert client.post("/query-sets", data={"name": "x"}).status_code == 403


def test_a_name_that_was_pointed_here_from_outside_gets_no_page(client: FlaskClient) -> None:
    assert client.get("/", headers={"Host": "rebound.example"}).status_code == 403
    assert client.get("/", headers={"Host": "127.0.0.1:8050"}).status_code == 200
    assert client.get("/", headers={"Host": "localhost"}).status_code == 200


def upload(
    client: FlaskClient, collection: Collection, files: list[tuple[str, bytes]], **more: str
) -> dict[str, object]:
    data = {"name": "X", "images": [(io.BytesIO(content), name) for name, content in files]}
    headers = {"X-Dxr": collection.fingerprint, "Origin": ORIGIN, **more}
    answer = client.post("/query-sets", data=data, headers=headers, content_type="multipart/form-data")
    lines = [json.loads(line) for line in answer.data.decode().splitlines()]
    reply: dict[str, object] = lines[-1]["reply"]
    return reply


def test_limits_hold_on_the_server_too(
    own: tuple[Collection, FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    collection, client = own
    monkeypatch.setattr(settings, "UPLOAD_MAX_IMAGES", 2)
    picture = collection.thumbnail(0)
    assert "too many" in str(upload(client, collection, [(f"{i}.jpg", picture) for i in range(3)])["note"])
    monkeypatch.setattr(settings, "UPLOAD_MAX_IMAGE_BYTES", 1000)
    assert "larger than" in str(upload(client, collection, [("a.jpg", picture)])["note"])
    assert "No image file" in str(upload(client, collection, [])["note"])
    assert len(collection.query_sets) == 3


def test_an_upload_in_another_form_is_refused(own: tuple[Collection, FlaskClient]) -> None:
    collection, client = own
    headers = {"X-Dxr": collection.fingerprint, "Origin": ORIGIN}
    assert client.post("/query-sets", data={"name": "X"}, headers=headers).status_code == 415


def test_an_upload_of_an_older_page_is_refused(own: tuple[Collection, FlaskClient]) -> None:
    collection, client = own
    reply = upload(client, collection, [("a.jpg", collection.thumbnail(0))], **{"X-Dxr": "0" * 64})
    assert "Reload the page" in str(reply["note"])
    assert reply["tone"] == "error"


def test_the_page_says_that_nothing_may_be_fetched_from_elsewhere(client: FlaskClient) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_serve_says_where_and_stops_when_interrupted(folder: Path) -> None:
    code = (
        "import sys\nfrom dxr_dash import api\nfrom dxr_dash.browser.server import serve\n"
        "serve(api.open_collection(sys.argv[1]), port=0, on_ready=lambda url: print(url, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            with urllib.request.urlopen(url) as answer:  # noqa: S310
                assert b"drawn things" in answer.read()
            port = url.rstrip("/").rpartition(":")[2]
            with pytest.raises(DxrError, match="cannot be used"):
                serve(api.open_collection(folder), port=int(port))
        finally:
            process.terminate()
