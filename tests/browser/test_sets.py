from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from dxr_dash import api, settings
from dxr_dash.browser import ids
from dxr_dash.demo.world import draw
from dxr_dash.figures import theme as words
from tests.browser.conftest import PATIENCE_MS, OpenPage, Site, running
from tests.browser.steps import draw_lasso, selection, wait_until_drawn

DROP = """async (files) => {
    const transfer = new DataTransfer();
    for (const [name, base64] of files) {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        transfer.items.add(new File([bytes], name));
    }
    const target = document.querySelector("#map-stage");
    for (const type of ["dragenter", "dragover", "drop"])
        target.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
}"""


def jpeg(number: int, *, size_px: int = 96) -> bytes:
    out = io.BytesIO()
    draw("house" if number % 2 else "cup", face=True, seed=number, size_px=size_px).save(out, "JPEG")
    return out.getvalue()


def names(page: Page) -> list[str]:
    return page.locator(f"#{ids.SETS} .choose .name").all_inner_texts()


def test_a_saved_lasso_becomes_the_active_set_and_outlives_the_server(
    own_page: Page, own_site: Site, folder: Path, open_page: OpenPage
) -> None:
    draw_lasso(own_page)
    rows = api.rows_in_polygon(own_site[0], np.array(selection(own_page)["lasso"]))
    expect(own_page.locator(".selected-count")).to_be_visible()
    alike = api.selection_distances(own_site[0], rows)
    baseline = api.baseline(own_site[0])
    medians = [alike.within[1], alike.to_others[1], float(np.median(baseline.astype(np.float64)))]
    expect(own_page.locator(".alike .numbers")).to_have_text([f"{far:.3f}" for far in medians])
    own_page.fill(f"#{ids.SAVE_NAME}", "the middle")
    own_page.keyboard.press("Enter")
    expect(own_page.locator(f"#{ids.SETS} .set.active .name")).to_have_text("the middle")
    expect(own_page.locator(f"#{ids.ANSWER} .question strong")).to_have_text("the middle")
    expect(own_page.locator(f"#{ids.SELECTED_PANEL}")).to_be_hidden()
    assert api.find_query_set(own_site[0], "the middle").rows == tuple(rows.tolist())
    with running(folder) as (again, url):
        later = open_page(url=url)
        assert names(later)[-1] == "the middle"
        assert again.query_sets["the-middle"].rows == tuple(rows.tolist())


def test_a_removed_set_comes_back_with_undo(own_page: Page, own_site: Site) -> None:
    before = names(own_page)
    own_page.locator(f"#{ids.SETS} .set.active [data-do=remove]").click()
    expect(own_page.locator(f"#{ids.SETS} .choose .name")).to_have_text(before[1:])
    assert list(own_site[0].query_sets) == ["things-without-faces", "cars"]
    expect(own_page.locator(f"#{ids.ANSWER} .question strong")).to_have_text(before[1])
    own_page.locator(".toast .button", has_text="Undo").click()
    expect(own_page.locator(f"#{ids.SETS} .choose .name")).to_have_text(before)
    expect(own_page.locator(f"#{ids.SETS} .set.active .name")).to_have_text(before[0])
    assert set(selection(own_page)["shown"]) == {"faces-in-things", "things-without-faces"}


def test_without_any_set_the_page_says_what_to_do(own_page: Page, own_site: Site) -> None:
    for left in (2, 1, 0):
        own_page.locator(f"#{ids.SETS} .set.active [data-do=remove]").click()
        expect(own_page.locator(f"#{ids.SETS} .set")).to_have_count(left)
    expect(own_page.locator(f"#{ids.ANSWER}")).to_contain_text("Draw a lasso")
    expect(own_page.locator(f"#{ids.NEIGHBOURS}")).to_contain_text("Click an image")
    own_page.locator(f"#{ids.ANSWER} .button", has_text="Draw a lasso").click()
    expect(own_page.locator(f"#{ids.MAP_STAGE}")).to_have_attribute("data-tool", "lasso")
    draw_lasso(own_page)
    expect(own_page.locator(".selected-count")).to_be_visible()


def test_a_set_can_be_renamed_shown_hidden_and_given_a_control(own_page: Page, own_site: Site) -> None:
    own_page.locator(f"#{ids.SETS} .choose", has_text="cars").click()
    expect(own_page.locator(f"#{ids.SETS} .set.active .name")).to_have_text("cars")
    expect(own_page.locator(f"#{ids.ANSWER} .question strong")).to_have_text("cars")
    own_page.locator(f"#{ids.SETS} .set.active [data-do=control]").select_option("things-without-faces")
    expect(own_page.locator(f"#{ids.ANSWER} .measure-name", has_text="control")).to_be_visible()
    assert own_site[0].query_sets["cars"].control == "things-without-faces"
    own_page.locator(f"#{ids.SETS} .set.active [data-do=rename]").click()
    own_page.fill(f"#{ids.NAME_FIELD}", "  every <i>car</i>  ")
    own_page.keyboard.press("Enter")
    expect(own_page.locator(f"#{ids.SETS} .set.active .name")).to_have_text("every <i>car</i>")
    eye = own_page.locator(f"#{ids.SETS} .set.active [data-do=show]")
    expect(eye).to_have_attribute("aria-pressed", "true")
    eye.click()
    expect(eye).to_have_attribute("aria-pressed", "false")
    expect(own_page.locator(f"#{ids.MAP_LEGEND} .marks")).not_to_contain_text("car")


def test_the_answer_shows_what_the_api_answers(page: Page, site: Site) -> None:
    found = api.answer(site[0], "faces-in-things")
    expect(page.locator(f"#{ids.ANSWER} .verdict")).to_have_text(str(found.verdict).capitalize())
    sentence = page.locator(f"#{ids.ANSWER} .sentence").inner_text()
    assert found.sentence.casefold().endswith(sentence.casefold())
    expect(page.locator(f"#{ids.ANSWER} .measure .value strong").first).to_have_text(
        words.measure(found.auroc.value)
    )
    expect(page.locator(f"#{ids.PROOFS} .proof")).to_have_count(len(found.proofs))
    film = page.locator(f"#{ids.PROOFS} .proof").first.locator(".film .thumb")
    shown = [int(thumb.get_attribute("data-row") or -1) for thumb in film.all()]
    assert shown == found.proofs[0].ranking[: len(shown)].tolist()
    hits = [("hit" in (thumb.get_attribute("class") or "")) for thumb in film.all()]
    assert hits == found.proofs[0].hits[: len(hits)].tolist()


def test_a_member_s_own_distances_are_drawn_on_demand(page: Page) -> None:
    labels = "document.querySelector('#distances .js-plotly-plot')._fullLayout.yaxis2.ticktext.length"
    assert page.evaluate(labels) == 5
    page.locator("#members .thumb").nth(2).click()
    page.wait_for_function(f"{labels} === 6")
    page.locator("#members .thumb").nth(2).click()
    page.wait_for_function(f"{labels} === 5")


def test_dropped_images_become_the_active_set_and_a_bad_one_is_named(own_page: Page, own_site: Site) -> None:
    files = [(f"cup {i}.jpg", base64.b64encode(jpeg(i)).decode()) for i in range(6)]
    bad = ("<b>broken</b>.png", base64.b64encode(b"this is no picture").decode())
    text = ("notes.txt", base64.b64encode(b"hello").decode())
    own_page.evaluate(DROP, [*files, bad, text])
    expect(own_page.locator(f"#{ids.NAME_DIALOG}")).to_be_visible()
    expect(own_page.locator(f"#{ids.NAME_REFUSED}")).to_contain_text("notes.txt: not an image file")
    own_page.keyboard.type("dropped cups")
    own_page.keyboard.press("Enter")
    expect(own_page.locator(f"#{ids.SETS} .set.active .name")).to_have_text(
        "dropped cups", timeout=2 * PATIENCE_MS
    )
    expect(own_page.locator(".toast", has_text="made from 6 images")).to_contain_text("<b>broken</b>.png")
    one = own_site[0].query_sets["dropped-cups"]
    assert one.outside == tuple(name for name, _ in files)
    expect(own_page.locator(f"#{ids.MAP_LEGEND} .marks .diamond")).to_have_count(1)
    expect(own_page.locator(f"#{ids.MAP_LEGEND} .marks")).to_contain_text("nearest gallery image")
    thumb = own_page.locator("#members .thumb").first
    thumb.hover()
    expect(own_page.locator(f"#{ids.CARD} .name")).to_have_text("cup 0.jpg")
    expect(own_page.locator(".distance-mark")).to_be_visible()


def test_images_chosen_in_the_file_dialog_become_a_set(
    own_page: Page, own_site: Site, tmp_path: Path
) -> None:
    paths = []
    for i in range(5):
        paths.append(tmp_path / f"chosen {i}.jpg")
        paths[-1].write_bytes(jpeg(i))
    with own_page.expect_file_chooser() as chooser:
        own_page.locator(".header [data-do=open-files]").click()
    chooser.value.set_files(paths)
    own_page.fill(f"#{ids.NAME_FIELD}", "chosen")
    own_page.locator("[data-do=confirm-name]").click()
    expect(own_page.locator(f"#{ids.SETS} .set.active .name")).to_have_text("chosen", timeout=2 * PATIENCE_MS)
    assert len(own_site[0].query_sets["chosen"]) == 5


def test_files_that_are_all_bad_come_to_nothing_and_are_named(page: Page, site: Site, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not at all a picture")
    with page.expect_file_chooser() as chooser:
        page.locator(".header [data-do=open-files]").click()
    chooser.value.set_files(broken)
    page.fill(f"#{ids.NAME_FIELD}", "nothing")
    page.keyboard.press("Enter")
    expect(page.locator(f"#{ids.STATUS}")).to_contain_text("broken.jpg")
    assert list(site[0].query_sets) == ["faces-in-things", "things-without-faces", "cars"]


def test_limits_are_told_before_anything_is_sent(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "UPLOAD_MAX_IMAGES", 2)
    monkeypatch.setattr(settings, "UPLOAD_MAX_IMAGE_BYTES", 1_000_000)
    page = open_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    paths = [tmp_path / f"{i}.jpg" for i in range(3)]
    for path in paths:
        path.write_bytes(jpeg(1))
    with page.expect_file_chooser() as chooser:
        page.locator(".header [data-do=open-files]").click()
    chooser.value.set_files(paths)
    expect(page.locator(f"#{ids.STATUS}")).to_contain_text("Add at most 2 at once")
    large = tmp_path / "large.bmp"
    Image.new("RGB", (800, 600)).save(large)
    with page.expect_file_chooser() as chooser:
        page.locator(".header [data-do=open-files]").click()
    chooser.value.set_files([large, paths[0]])
    expect(page.locator(f"#{ids.NAME_REFUSED}")).to_contain_text("large.bmp: larger than")
    assert not any("query-sets" in url for url in sent)
    page.keyboard.press("Escape")
    expect(page.locator(f"#{ids.NAME_DIALOG}")).to_be_hidden()
    wait_until_drawn(page)
