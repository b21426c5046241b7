"""The frame of the map: its controls, and the layers that are drawn one over the other."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from dxr_dash.browser import ids
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.beside_panel import beside_choice, beside_stage
from dxr_dash.browser.panels import EMPTY_FIGURE, icon_action, segments
from dxr_dash.browser.state import colour_choices
from dxr_dash.collection.layouts import TSNE
from dxr_dash.collection.store import Collection
from dxr_dash.errors import QueryError
from dxr_dash.figures import theme as words


def map_section(collection: Collection) -> Component:
    """Build the panel of the map."""
    graph = dcc.Graph(
        id=ids.MAP,
        figure=EMPTY_FIGURE,
        config={"displayModeBar": False, "scrollZoom": True, "doubleClick": False, "displaylogo": False},
        responsive=True,
        className="graph",
    )
    hidden = attributes({"aria-hidden": True})
    notes = [
        html.P(id=ids.MAP_NOTE),
        html.P(id=ids.MAP_FAR, className="far-note", **attributes({"aria-live": "polite"})),
    ]
    stage = html.Div(
        [
            html.Canvas(id=ids.MAP_TILES, className="layer", **hidden),
            graph,
            html.Canvas(id=ids.MAP_MARKS, className="layer", **hidden),
            html.Div(id=ids.MAP_OVERLAY, className="overlay"),
            html.P(className="map-name", hidden=True, **hidden),
            html.Div(notes, className="map-notes"),
        ],
        id=ids.MAP_STAGE,
        className="stage",
        role="group",
        **attributes({"aria-label": "Map of the collection: similar images lie near each other"}),
    )
    body = html.Div(
        [
            html.Div([stage, beside_stage()], className="stages"),
            html.Div(id=ids.MAP_LEGEND, className="legend"),
        ],
        className="map-body",
    )
    return html.Section(
        [_head(collection), body], className="panel map-panel", **attributes({"aria-label": "Map"})
    )


def _head(collection: Collection) -> Component:
    names = [
        html.Option(words.short(name, 40), value=value) for value, name in colour_choices(collection).items()
    ]
    colour = html.Label(
        [html.Span("Colour by"), html.Select(names, id=ids.COLOUR_BY, **attributes({"data-do": "colour"}))],
        className="control",
    )
    arrangements = (
        ("points", "Points", "Each image where the layout has put it (m)"),
        ("mosaic", "Mosaic", "Each image in a cell of its own, near its place (m)"),
    )
    tools = (
        ("pan", "Pan", "Drag to move, wheel to zoom (p)"),
        ("lasso", "Lasso", "Draw round images to select them (l)"),
        ("box", "Box", "Drag a box to select images (b)"),
    )
    pictures = html.Button(
        "Pictures",
        type="button",
        className="button toggle",
        title="Show thumbnails among the points where there is room",
        **attributes({"data-do": "pictures", "aria-pressed": True}),
    )
    first = [
        html.H2("Map"),
        _layouts(collection),
        segments("arrangement", arrangements, chosen="points", label="Arrangement"),
        pictures,
        html.Span(className="spring"),
        segments("tool", tools, chosen="pan", label="Map tool"),
    ]
    whole = icon_action("frame", "Show the whole map (0)", "whole-map")
    second = [colour, beside_choice(collection), html.P(id=ids.MAP_TRUST, className="trust"), whole]
    return html.Div(
        [html.Div(first, className="map-controls"), html.Div(second, className="map-controls")],
        className="panel-head map-head",
    )


def _layouts(collection: Collection) -> Component:
    """Build the choice of a layout; with one only, name it and say how to get the other."""
    layouts = collection.space().layouts
    if len(layouts) > 1:
        options = [html.Option(one.title, value=one.name) for one in layouts.values()]
        return html.Select(options, **attributes({"data-do": "layout", "aria-label": "Layout of the map"}))
    only = next(iter(layouts.values()))
    return html.Span(only.title, className="layout-name", title=_how_to_add(collection))


def _how_to_add(collection: Collection) -> str:
    try:
        collection.space().layout(TSNE)
    except QueryError as error:
        return str(error)
    return ""
