from __future__ import annotations

import re
from pathlib import Path

import pytest

from dxr_dash.browser import ids
from dxr_dash.browser.server import create_app
from tests.browser.conftest import Site

ASSETS = Path(__file__).parents[2] / "assets"
OURS = [path for path in sorted(ASSETS.glob("*.*")) if not path.name.endswith(".min.js")]
NAMED = {value for name, value in vars(ids).items() if name.isupper()}


def test_every_id_is_unique_placed_once_and_wired_to_something_placed(site: Site) -> None:
    app = create_app(site[0])
    placed = [part.id for part in app.layout()._traverse() if getattr(part, "id", None)]
    wired = {part["id"] for call in app._callback_list for part in (*call["inputs"], *call["state"])}
    outputs = [one for call in app._callback_list for one in call["output"].strip(".").split("...")]
    wired |= {one.rsplit(".", 1)[0] for one in outputs}
    assert sorted(placed) == sorted(NAMED)
    assert wired <= NAMED


def test_scripts_and_styles_name_only_ids_that_exist() -> None:
    state = (ASSETS / "state.js").read_text()
    table = dict(re.findall(r'^    (\w+): "([\w-]+)",$', state.split("dxr.ids = {")[1].split("};")[0], re.M))
    assert set(table.values()) <= NAMED
    for path in ASSETS.glob("*.js"):
        used = set(re.findall(r"dxr\.ids\.(\w+)", path.read_text()))
        assert used <= set(table), path.name
    for path in ASSETS.glob("*.css"):
        selectors = re.sub(r"\{[^}]*\}", "", path.read_text())
        assert set(re.findall(r"#([a-z][\w-]*)", selectors)) <= NAMED, path.name


def test_every_action_of_a_button_is_known_to_the_script(site: Site) -> None:
    known = set(re.findall(r'^    "?([\w-]+)"?: \(', (ASSETS / "actions.js").read_text(), re.M))
    known |= {
        "beside",
        "colour",
        "control",
        "layout",
        "metric",
        "patch-order",
        "scan-by",
        "space",
    }  # lists: they act when they change
    source = "".join(path.read_text() for path in Path(ids.__file__).parent.glob("*.py"))
    used = set(re.findall(r'"data-do": "([\w-]+)"', source)) | set(re.findall(r'\bdo="([\w-]+)"', source))
    used |= set(re.findall(r'action\(\s*"[^"]*",\s*(?:f?"[^"]*",\s*)?"([a-z-]+)"', source))
    assert used - known == set()


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_in_the_assets_points_to_another_machine(path: Path) -> None:
    if path.suffix in (".js", ".css"):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text
        assert "https:" not in text
        assert "innerHTML" not in text.replace("goes through innerHTML", "")
