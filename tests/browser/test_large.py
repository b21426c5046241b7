"""What a page of a large collection asks for; the limits are lowered, so that a small one is large."""

from __future__ import annotations

import io
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import expect
from sklearn.metrics.pairwise import cosine_distances

from dxr_dash import api, settings
from dxr_dash.browser import ids, map_panel, urls
from dxr_dash.browser.server import create_app
from dxr_dash.browser.state import Selection
from dxr_dash.collection.query_sets import QuerySet
from tests.browser.conftest import OpenPage, Site
from tests.browser.steps import arranged, draw_lasso, place_on_screen, wait_until_drawn
from tests.builders import picture

USERS = 50
FEW = 40


@pytest.fixture
def client(site: Site) -> FlaskClient:
    found: FlaskClient = create_app(site[0]).server.test_client()
    return found


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALL_AT_ONCE", FEW)
    monkeypatch.setattr(settings, "MAP_POINTS_LIMIT", FEW)


def test_numbers_of_a_large_collection_come_for_the_rows_that_are_named(
    site: Site, client: FlaskClient, large: None
) -> None:
    version, space = urls.version(site[0]), site[0].space()
    for path, values in (
        (f"/coordinates/{version}/{space.id}/umap/points.f32", space.coordinates),
        (f"/coordinates/{version}/{space.id}/umap/mosaic.f32", space.layout().positions),
        (
            f"/distances/{version}/{space.id}/cars.f32",
            api.nearest_members(site[0], "cars").distances[:, None],
        ),
    ):
        assert client.get(path).status_code == 404
        found = np.frombuffer(client.get(f"{path}?rows=7,3,7").data, "<f4").reshape(3, -1)
        np.testing.assert_array_equal(found, values[[7, 3, 7]])
        for wrong in ("", "x", "-1", "99999", "1,,2", ",".join(["1"] * 129)):
            assert client.get(f"{path}?rows={wrong}").status_code == 404


def test_pages_of_the_line_make_up_the_line(site: Site, client: FlaskClient) -> None:
    path = f"/order/{urls.version(site[0])}/{site[0].default_space}/umap"
    pages = [client.get(f"{path}/{FEW}/{page}.u32") for page in range(-(-len(site[0]) // FEW) + 1)]
    rows = np.concatenate([np.frombuffer(one.data, "<u4") for one in pages])
    np.testing.assert_array_equal(rows, api.rows_in_map_order(site[0]))
    assert {one.headers["X-Dxr-Images"] for one in pages} == {str(len(site[0]))}
    assert client.get(f"{path}/0/0.u32").status_code == 404
    assert client.get(f"{path}/{settings.ALL_AT_ONCE + 1}/0.u32").status_code == 404


@pytest.mark.parametrize("arrangement", ["points", "mosaic"])
def test_ranks_on_the_map_are_those_of_a_plain_sort(
    site: Site, client: FlaskClient, arrangement: str
) -> None:
    layout = site[0].space().layout()
    places = layout.coordinates if arrangement == "points" else layout.positions
    away = np.square(places - places[5]).sum(axis=1)
    rows = [9, 2, 77, 5]
    path = f"/map-ranks/{urls.version(site[0])}/{site[0].default_space}/umap/{arrangement}/5.u32"
    found = np.frombuffer(client.get(f"{path}?rows={','.join(map(str, rows))}").data, "<u4")
    others = np.delete(away, 5)
    assert found.tolist() == [1 + int((others < away[row]).sum()) for row in rows]
    assert client.get(f"{path}?rows=99999").status_code == 404


def test_cells_come_in_squares(site: Site, client: FlaskClient) -> None:
    mosaic = site[0].space().layout().mosaic
    path = f"/cells/{urls.version(site[0])}/{site[0].default_space}/umap"
    found = np.frombuffer(client.get(f"{path}/0_0.i32").data, "<i4").reshape(64, 64)
    row, column = np.divmod(mosaic.cells, mosaic.columns)
    np.testing.assert_array_equal(found[row, column], np.arange(len(site[0])))
    assert (found >= 0).sum() == len(site[0])
    assert client.get(f"{path}/1_0.i32").status_code == 404


def test_the_veil_lies_over_what_is_not_selected(site: Site, client: FlaskClient) -> None:
    chosen = Selection.from_address("?pick=cluster=0", site[0])
    figure, *_ = map_panel.map_of(site[0], chosen)
    answer = client.get(f"/{figure.layout.meta['veil']}")
    veil = np.asarray(Image.open(io.BytesIO(answer.data)).convert("RGBA"))[..., 3].ravel()[: len(site[0])]
    np.testing.assert_array_equal(veil == 0, np.asarray(site[0].space().clusters) == 0)
    none = client.get(f"/veil/{urls.version(site[0])}/{site[0].default_space}/umap/points/light.png")
    assert none.status_code == 404


ROUNDING = 1e-3  # pixels: float32 of a few thousand pixels


def test_the_density_lies_where_points_are(site: Site, client: FlaskClient, large: None) -> None:
    figure, *_ = map_panel.map_of(site[0], Selection.default(site[0]))
    behind = figure.layout.meta["density"]
    x0, x1, y0, y1 = behind["view"]
    shown = Image.open(io.BytesIO(client.get(f"/{behind['src']}").data)).convert("RGBA")
    opacity = np.asarray(shown)[..., 3]
    height, width = opacity.shape
    for x, y in site[0].space().coordinates:
        line, column = (y1 - float(y)) / (y1 - y0) * height, (float(x) - x0) / (x1 - x0) * width
        places = [
            (int(line + up), int(column + right))
            for up in (-ROUNDING, ROUNDING)
            for right in (-ROUNDING, ROUNDING)
        ]  # one pixel, but for a point on its edge
        assert any(opacity[min(down, height - 1), min(along, width - 1)] > 0 for down, along in places)
    assert (opacity > 0).sum() <= len(site[0])
    assert client.get(f"/{behind['src'].split('?')[0]}").status_code == 404


def test_no_density_lies_behind_points_that_are_all_drawn(site: Site) -> None:
    figure, *_ = map_panel.map_of(site[0], Selection.default(site[0]))
    assert figure.layout.meta["density"] is None


def test_a_large_map_takes_less_than_a_megabyte() -> None:
    from dxr_dash.figures.colouring import by_category
    from dxr_dash.figures.map_figure import map_figure
    from dxr_dash.figures.theme import LIGHT

    random = np.random.default_rng(0)
    places = random.normal(size=(1_000_000, 2)).astype(np.float32)
    colouring = by_category(random.integers(0, 60, len(places)), 60, LIGHT)
    rows = np.sort(random.choice(len(places), settings.MAP_POINTS_LIMIT, replace=False))
    lit = random.random(len(places)) < 0.1
    figure = map_figure(places, colouring, [], theme=LIGHT, revision="r", rows=rows, lit=lit)
    assert len(figure.to_json()) < 1_000_000


def test_points_of_a_large_map_keep_the_colours_of_a_small_one() -> None:
    from dxr_dash.figures.colouring import by_category
    from dxr_dash.figures.map_figure import map_figure
    from dxr_dash.figures.paint import colour_at
    from dxr_dash.figures.theme import LIGHT

    codes = np.arange(40) % 36
    colouring = by_category(codes, 36, LIGHT)
    marker = (
        map_figure(
            np.zeros((40, 2), np.float32), colouring, [], theme=LIGHT, revision="r", rows=np.arange(40)
        )
        .data[0]
        .marker
    )
    scale = tuple((float(at), colour) for at, colour in marker.colorscale)
    for code, colour in zip(codes, marker.color, strict=True):
        swatch = colouring.swatches[code]
        assert colour_at(scale, colour / 255) == tuple(int(swatch[i : i + 2], 16) for i in (1, 3, 5))


def test_a_page_of_a_large_collection_works_without_all_numbers(
    open_page: OpenPage, site: Site, large: None
) -> None:
    collection = site[0]
    page = open_page("?pictures=yes")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.wait_for_function("dxr.marks().length > 0")
    page.evaluate("dxr.follow('r10')")
    threads = page.locator("line.thread")
    expect(threads).to_have_count(len(api.nearest(collection, [10]).rows))
    x, y = place_on_screen(page, collection.space().coordinates[10])
    stage = page.locator(f"#{ids.MAP_STAGE}").bounding_box()
    assert stage is not None
    first = threads.first
    assert float(first.get_attribute("x1") or 0) == pytest.approx(x - stage["x"], abs=1)
    assert float(first.get_attribute("y1") or 0) == pytest.approx(y - stage["y"], abs=1)
    draw_lasso(page)
    expect(page.locator(".selected-count")).to_be_visible()
    page.evaluate("dxr.change({ page: 'explore' })")
    page.wait_for_function(
        f"dxr.stripNow().line.n === {len(collection)} && dxr.stripNow().line.item(3) !== null"
    )
    assert page.evaluate("dxr.stripNow().line.item(3)") == api.rows_in_map_order(collection)[3]
    page.evaluate("dxr.change({ page: 'answer' })")
    page.keyboard.press("m")
    arranged(page, "mosaic")
    spot = place_on_screen(page, collection.space().layout().positions[10])
    page.mouse.move(*spot)
    page.wait_for_function(
        "([x, y]) => dxr.pictureAt(x, y)?.row === 10", arg=[spot[0] - stage["x"], spot[1] - stage["y"]]
    )
    wait_until_drawn(page)
    assert not [one for one in asked if one.endswith(".f32")]


def test_fifty_people_ask_with_their_own_images_at_once_and_every_answer_is_right(own_site: Site) -> None:
    collection, url = own_site
    together = Barrier(USERS)
    where = collection.space()

    def post(number: int) -> bytes:
        file = io.BytesIO()
        picture(5_000 + number).save(file, "JPEG")
        line = b"--x\r\nContent-Disposition: form-data; name="
        name = line + b'"name"\r\n\r\n' + f"person {number}".encode() + b"\r\n"
        image = line + b'"images"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' + file.getvalue()
        body = name + image + b"\r\n--x--\r\n"
        headers = {"X-Dxr": collection.fingerprint, "Content-Type": "multipart/form-data; boundary=x"}
        request = urllib.request.Request(url + "query-sets", body, headers)  # noqa: S310
        together.wait()
        with urllib.request.urlopen(request) as answer:  # noqa: S310 (our own server)
            said: bytes = answer.read()
        return said

    def ask(one: QuerySet) -> tuple[QuerySet, bytes]:
        together.wait()
        path = f"ranking/{urls.version(collection)}/{where.id}/cosine/o.{one.id}.0/0.bin"
        with urllib.request.urlopen(url + path) as answer:  # noqa: S310
            return one, answer.read()

    with ThreadPoolExecutor(USERS) as people:
        replies = [json.loads(said.splitlines()[-1])["reply"] for said in people.map(post, range(USERS))]
        sets = [collection.query_sets[reply["show"]] for reply in replies]
        assert [one.name for one in sets] == [f"person {number}" for number in range(USERS)]
        answers = list(people.map(ask, sets))
    for one, data in answers:
        vectors = one.outside_vectors(where.fingerprint)
        assert vectors is not None
        true = cosine_distances(vectors.astype(np.float64), where.vectors.astype(np.float64))[0]
        items = np.frombuffer(data, "<i4", len(collection))
        far = np.frombuffer(data, "<f4", len(collection), 4 * len(collection))
        np.testing.assert_allclose(far, np.sort(true), atol=1e-6)
        np.testing.assert_allclose(true[items], far, atol=1e-6)
        assert sorted(items.tolist()) == list(range(len(collection)))
