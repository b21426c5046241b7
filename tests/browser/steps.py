"""What browser tests do again and again: wait for facts, find points on the screen, draw with the mouse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Page, expect

from dxr_dash.browser import ids
from dxr_dash.figures.paint import colour_at

PLOT = f"#{ids.MAP} .js-plotly-plot"

DRAWN = f"""() => {{
    if (window.dxr?.selection?.()?.page === "compare")  // the map is out of sight, and not drawn
        return Boolean(document.querySelector("#{ids.COMPARED} > *")
            && !document.querySelector("[data-dash-is-loading=true]"));
    const plot = document.querySelector("{PLOT}");
    if (!plot?._fullLayout?.xaxis) return false;
    // the map is drawn again when its stage has got another shape
    const {{xaxis, yaxis}} = plot._fullLayout, stage = document.querySelector("#{ids.MAP_STAGE}");
    const span = ({{range}}) => range[1] - range[0];
    const shape = span(xaxis) / span(yaxis) / (stage.clientWidth / stage.clientHeight);
    return Boolean(plot._fullData.length && Math.abs(shape - 1) < 0.02
        && document.querySelector("#{ids.NEIGHBOURS} > *")
        && document.querySelector("#{ids.ANSWER} > *")
        && document.querySelector("#{ids.DISTANCES} .js-plotly-plot")?._fullLayout?.margin.l > 100
        && (dxr.isLarge() || dxr.coordinates()?.values) && !document.querySelector("[data-dash-is-loading=true]")
        && !dxr.layersWait());
}}"""

POINT_ON_SCREEN = f"""(row) => {{
    const plot = document.querySelector("{PLOT}");
    const {{xaxis, yaxis}} = plot._fullLayout, box = plot.getBoundingClientRect(), {{x, y}} = plot._fullData[0];
    return [box.left + xaxis._offset + xaxis.d2p(x[row]), box.top + yaxis._offset + yaxis.d2p(y[row])];
}}"""

LONELIEST = f"""() => {{
    // the row whose nearest other point on the screen is farthest away: a click there means that row and no other
    const plot = document.querySelector("{PLOT}"), {{xaxis, yaxis}} = plot._fullLayout;
    const {{x, y}} = plot._fullData[0], rows = dxr.drawnRows();
    const isUnderAnother = (i) => [-1, 1].some((off) => {{ // Firefox's mouse knows whole pixels only
        const spot = [xaxis._offset + xaxis.d2p(x[i]) + off, yaxis._offset + yaxis.d2p(y[i]) + off];
        const row = rows ? rows[i] : i;
        return (dxr.pictureAt(...spot)?.row ?? row) !== row;
    }});
    let best = [-1, -1];
    for (let i = 0; i < x.length; i++) {{
        if (isUnderAnother(i)) continue;
        let near = Infinity;
        for (let j = 0; j < x.length; j++)
            if (i !== j) near = Math.min(near, Math.hypot(x[i] - x[j], y[i] - y[j]));
        if (near > best[0]) best = [near, i];
    }}
    return best[1];
}}"""


def drawn_colours(page: Page, graph: str = ids.MAP) -> npt.NDArray[np.float64]:
    """Read the colours that the points of a map are drawn with: (n, 4), from 0 to 1."""
    marker = f"document.querySelector('#{graph} .js-plotly-plot')._fullData[0].marker"
    return np.array(page.evaluate(f"Array.from({marker}.color, (one) => Array.from(one))"))


def colours_on(scale: Sequence[tuple[float, str]], shares: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Read a colour scale at each share, in as many steps as a byte has: (n, 3), from 0 to 1."""
    steps = np.rint(np.clip(shares, 0, 1) * 255) / 255
    return np.array([colour_at(tuple(scale), float(at)) for at in steps]) / 255


def arranged(page: Page, arrangement: str, layout: str = "umap") -> None:
    """Wait until the map shows a layout in an arrangement."""
    page.wait_for_function(
        f"wanted => {{ const {{layout, arrangement}} = document.querySelector('{PLOT}').layout.meta;"
        " return `${layout} ${arrangement}` === wanted; }",
        arg=f"{layout} {arrangement}",
    )
    wait_until_drawn(page)


def place_on_screen(page: Page, place: Sequence[float]) -> tuple[float, float]:
    """Where map coordinates are on the screen."""
    x, y = page.evaluate(
        """([x, y]) => { const box = document.querySelector("#map-stage").getBoundingClientRect();
        const [left, top] = dxr.scales().toScreen(x, y); return [box.left + left, box.top + top]; }""",
        [float(one) for one in place],
    )
    return x, y


def wait_until_drawn(page: Page) -> None:
    """Wait until the map, the answer and the neighbours are there and nothing is being loaded."""
    page.wait_for_function(DRAWN)


def set_back(page: Page) -> None:
    """Bring the page to what it shows when it is opened without anything in its address."""
    page.mouse.move(5, 5)
    opened = page.evaluate("""() => {
        for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
        for (const toast of document.querySelectorAll(".toast")) toast.remove();
        document.activeElement?.blur();
        dxr.useTool("pan");
        dxr.closeFound();
        dxr.command({ do: "open", search: "" });
        return dxr.selection().opened;
    }""")
    page.wait_for_function("opened => dxr.selection().opened > opened && !location.search", arg=opened)
    wait_until_drawn(page)


def selection(page: Page) -> dict[str, Any]:
    """The page's state."""
    found: dict[str, Any] = page.evaluate("dxr.selection()")
    return found


def point_on_screen(page: Page, row: int) -> tuple[float, float]:
    x, y = page.evaluate(POINT_ON_SCREEN, row)
    return x, y


def lonely_row(page: Page) -> int:
    """A row that a click on the map cannot miss."""
    return int(page.evaluate(LONELIEST))


def hover_point(page: Page, row: int) -> None:
    x, y = point_on_screen(page, row)
    page.mouse.move(x - 6, y - 6)
    page.mouse.move(x, y, steps=4)


def draw_lasso(page: Page, *, radius_px: float = 130.0, tool: str = "lasso") -> None:
    """Draw a circle (or a box) round the middle of the map with the mouse."""
    page.locator(f"[data-tool={tool}]").first.click()
    expect(page.locator(f"#{ids.MAP_STAGE}")).to_have_attribute("data-tool", tool)
    box = page.locator(f"#{ids.MAP_STAGE}").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if tool == "box":
        page.mouse.move(x - radius_px, y - radius_px)
        page.mouse.down()
        page.mouse.move(x + radius_px, y + radius_px, steps=8)
    else:
        page.mouse.move(x + radius_px, y)
        page.mouse.down()
        for step in range(1, 25):
            angle = step / 24 * math.tau
            page.mouse.move(x + radius_px * math.cos(angle), y + radius_px * math.sin(angle))
    page.mouse.up()
    page.wait_for_function("() => dxr.selection().lasso.length >= 3")  # a function: eval is forbidden later
