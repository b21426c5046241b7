"""The frame of the page: one function per panel; what is inside arrives with the first answers."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from dxr_dash import settings
from dxr_dash.browser import ids, urls
from dxr_dash.browser.attributes import attributes
from dxr_dash.browser.beside_panel import pair_panel
from dxr_dash.browser.compare_page import compare_column, explained_panel
from dxr_dash.browser.explained_panel import explained
from dxr_dash.browser.map_section import map_section
from dxr_dash.browser.panels import EMPTY_FIGURE, action, field, icon_action, segments
from dxr_dash.browser.patch_panel import patch_list, patch_toggle
from dxr_dash.browser.rank_panel import rank_panel
from dxr_dash.browser.report_dialog import report_dialog
from dxr_dash.browser.scan_panel import scan_panel
from dxr_dash.browser.state import Selection
from dxr_dash.browser.strip_panel import strip_panel
from dxr_dash.browser.why_panel import why_dialog
from dxr_dash.browser.words_panel import words_panel
from dxr_dash.collection.store import Collection
from dxr_dash.figures import theme as words
from dxr_dash.figures.distance_figure import figure_height_px
from dxr_dash.figures.shift_figure import SHIFT_PX

_KEYS = (
    ("/", "find an image by its name"),
    ("a  c  x  e", "the answer; compare sets; scan: every X; explore: rank curves and the strip"),
    ("← → on compared distances", "move the reading line"),
    ("p  l  b", "pan, lasso, box"),
    ("m", "the map as points or as a mosaic"),
    ("d", "the map of another feature space beside"),
    ("click, Enter", "look at an image and its neighbours"),
    ("j  k  ← → ↑ ↓", "walk through the thumbnails"),
    ("[  ]  {  }", "move the brush over the ranks, by one or by its width"),
    ("← → ↑ ↓ on the strip", "move along it; strengthen or weaken its lens"),
    ("w", "why is this image near? For a neighbour that the pointer or the focus is on"),
    ("Esc", "close; then clear the lasso; then leave the patches; then let go of the image"),
    ("s", "save the selected images as a query set"),
    ("0", "show the whole map"),
    ("t", "light or dark"),
    ("?", "this list"),
)


def page(collection: Collection) -> Component:
    """Build the frame of the page for an open collection."""
    return html.Div(
        [
            _stores(),
            _header(collection),
            html.Div(id=ids.STATUS, className="status", role="status", **attributes({"aria-live": "polite"})),
            html.Main(
                [
                    _answer_column(),
                    compare_column(collection),
                    scan_panel(collection),
                    html.Div(
                        [map_section(collection), strip_panel(), _distances_panel(collection)],
                        className="column centre",
                    ),
                    html.Div(
                        [
                            _sets_panel(),
                            explained_panel(),
                            _selected_panel(),
                            _trail(),
                            pair_panel(),
                            _neighbours_panel(),
                            rank_panel(),
                        ],
                        className="column right",
                    ),
                ],
                className="columns",
            ),
            html.Div(id=ids.CARD, className="card", hidden=True, **attributes({"aria-hidden": "true"})),
            html.Div(id=ids.TOASTS, className="toasts", role="status", **attributes({"aria-live": "polite"})),
            html.Div(
                html.P("Drop images to make a query set"),
                id=ids.DROP_VEIL,
                className="drop-veil",
                hidden=True,
            ),
            _help_dialog(),
            _name_dialog(),
            report_dialog(),
            why_dialog(),
        ],
        className="page",
        **attributes(
            {
                "data-page": "answer",
                "data-version": urls.version(collection),
                "data-images": len(collection),
                "data-metric": collection.space().metric,
                "data-points-limit": settings.MAP_POINTS_LIMIT,
                "data-all-at-once": settings.ALL_AT_ONCE,
                "data-most-images": settings.UPLOAD_MAX_IMAGES,
                "data-most-image-bytes": settings.UPLOAD_MAX_IMAGE_BYTES,
                "data-most-bytes": settings.UPLOAD_MAX_TOTAL_BYTES,
                "data-suffixes": ",".join(settings.IMAGE_SUFFIXES),
            }
        ),
    )


def _stores() -> Component:
    views = (
        *(ids.MAP_VIEW, ids.ANSWER_VIEW, ids.SETS_VIEW, ids.NEIGHBOURS_VIEW),
        *(ids.SELECTED_VIEW, ids.DISTANCES_VIEW, ids.MEMBERS_VIEW, ids.RANKS_VIEW, ids.FOUND_VIEW),
        *(ids.CONTROL_VIEW, ids.COMPARE_VIEW, ids.BESIDE_VIEW, ids.PAIR_VIEW, ids.WORDS_VIEW),
    )
    return html.Div(
        [dcc.Store(id=one) for one in (ids.SELECTION, ids.COMMAND, ids.REPLY, *views)], hidden=True
    )


def _header(collection: Collection) -> Component:
    space = collection.space()
    facts = [html.Span(f"{words.count(len(collection))} images", className="fact"), _space(collection)]
    if space.recall is not None:
        share = f"Share of the true {space.recall_at} nearest neighbours that the neighbour graph holds"
        recall = f"graph recall {words.percent(space.recall)}"
        facts.append(html.Span(recall, className="fact", title=f"{share} ({space.graph_method})"))
    if collection.skipped:
        left_out = f"{words.count(len(collection.skipped))} files left out"
        facts.append(html.Span(left_out, className="fact", title="`dxr info` lists them with their reasons"))
    find = html.Div(
        [
            field(ids.FIND_TEXT, "Find an image by its name", placeholder="Find by name  /"),
            html.Div(
                id=ids.FOUND,
                className="found",
                role="group",
                **attributes({"aria-label": "Images found by name"}),
            ),
        ],
        className="find",
    )
    return html.Header(
        [
            html.Div(
                [
                    html.Span("dxr", className="brand"),
                    html.H1(words.short(collection.name, 60), dir="auto", title=collection.name),
                ],
                className="title",
            ),
            _pages(),
            html.Div(facts, className="facts"),
            find,
            action(
                "Add images…", "open-files", class_name="primary", title="Make a query set from image files"
            ),
            icon_action("sun", "Light or dark (t)", "theme"),
            icon_action("help", "Keys (?)", "help"),
        ],
        className="header",
    )


def _space(collection: Collection) -> Component:
    """Name the feature space; where there are several, one can be chosen."""
    choices = [html.Option(f"{one.id} · {one.metric}", value=one.id) for one in collection.spaces.values()]
    return html.Select(
        choices,
        id=ids.SPACE,
        className="fact",
        title="The feature space; `dxr build` with another network or layer adds one",
        disabled=len(choices) == 1,
        **attributes({"data-do": "space", "aria-label": "Feature space"}),
    )


def _pages() -> Component:
    """Build the switch between the ways to look at a collection."""
    choices = (
        ("answer", "Answer", "Do the features retrieve X? Verdict and distances (a)"),
        ("compare", "Compare", "The shown query sets side by side (c)"),
        ("scan", "Scan", "What do the features retrieve at all? Every label or cluster as X (x)"),
        ("explore", "Explore", "Rank curves, filmstrips and the strip (e)"),
    )
    return segments("page", choices, chosen="answer", label="Page")


def _answer_column() -> Component:
    return html.Div(
        html.Section(
            [
                html.Div(id=ids.ANSWER, className="body answer-body"),
                explained(ids.EXPLAINED, ids.EXPLAINED_STAGE, ids.EXPLAINED_FIGURE),
                html.Div(_shift_graph(), id=ids.SHIFT_STAGE, className="body shift-stage", hidden=True),
                html.Div(id=ids.EVIDENCE, className="body evidence-body"),
                html.Div(id=ids.PROOFS, className="body"),
                html.Div(
                    [
                        html.H3("Members"),
                        html.P("Click one to draw its own distances and ask with it.", className="hint"),
                        html.Div(id=ids.MEMBERS),
                    ],
                    className="members",
                ),
            ],
            className="panel answer",
            **attributes({"aria-label": "Answer"}),
        ),
        className="column left",
    )


def _shift_graph() -> Component:
    """Build the picture of what is said of a set's source; it is hidden while nothing is said."""
    return dcc.Graph(
        id=ids.SHIFT,
        figure=EMPTY_FIGURE,
        config={"displayModeBar": False, "displaylogo": False},
        responsive=True,
        className="graph",
        style={"height": f"{SHIFT_PX}px"},
    )


def _distances_panel(collection: Collection) -> Component:
    """Build the panel of distances, as high as it will be: the map above must not be drawn twice."""
    n_groups = 1 + 2 * len(Selection.default(collection).shown)
    graph = dcc.Graph(
        id=ids.DISTANCES,
        figure=EMPTY_FIGURE,
        config={"displayModeBar": False, "doubleClick": "reset", "displaylogo": False},
        responsive=True,
        className="graph",
    )
    head = html.Div(
        [
            html.H2("Distances"),
            html.Span("drag to zoom, double-click to see all", className="hint"),
        ],
        className="panel-head",
    )
    stage = html.Div(
        [graph, html.Div(id=ids.DISTANCES_OVERLAY, className="overlay")],
        id=ids.DISTANCES_STAGE,
        className="stage",
        style={"height": f"{figure_height_px(n_groups)}px"},
    )
    return html.Section(
        [head, html.Div(stage, className="distances-body")],
        className="panel distances-panel",
        **attributes({"aria-label": "Distances"}),
    )


def _sets_panel() -> Component:
    head = html.Div([html.H2("Query sets")], className="panel-head")
    return html.Section(
        [head, html.Div(id=ids.SETS, className="body sets"), words_panel()],
        className="panel sets-panel",
        **attributes({"aria-label": "Query sets"}),
    )


def _selected_panel() -> Component:
    """Build the panel of the selection; it is hidden while nothing is selected."""
    head = html.Div(
        [
            html.H2("Selection"),
            html.Span(className="spring"),
            icon_action("close", "Clear the selection (Esc)", "clear-selection"),
        ],
        className="panel-head",
    )
    save = html.Div(
        [
            html.Label("Save as query set", htmlFor=ids.SAVE_NAME),
            field(ids.SAVE_NAME, "Name of the query set", placeholder="Name"),
            action("Save", "save", class_name="primary", title="Keep these images as a query set (s)"),
        ],
        className="save",
    )
    return html.Section(
        [head, save, html.Div(id=ids.SELECTED, className="body")],
        id=ids.SELECTED_PANEL,
        className="panel selected-panel",
        hidden=True,
        **attributes({"aria-label": "Selection"}),
    )


def _trail() -> Component:
    """Build the way back through the images that were followed; scripts fill it."""
    return html.Nav(
        id=ids.TRAIL, className="trail", hidden=True, **attributes({"aria-label": "Trail of images"})
    )


def _neighbours_panel() -> Component:
    return html.Section(
        [
            html.Div(
                [html.H2("Neighbours"), html.Span(className="spring"), patch_toggle()], className="panel-head"
            ),
            html.Div(id=ids.NEIGHBOURS, className="body"),
            patch_list(),
        ],
        className="panel neighbours-panel",
        **attributes({"aria-label": "Neighbours"}),
    )


def _help_dialog() -> Component:
    lines = [part for keys, what in _KEYS for part in (html.Dt(html.Kbd(keys)), html.Dd(what))]
    return html.Dialog(
        [
            html.H2("Keys"),
            html.Dl(lines, className="keys"),
            html.Div(action("Close", "close-dialog"), className="actions"),
        ],
        id=ids.HELP_DIALOG,
        className="dialog",
        **attributes({"aria-label": "Keys"}),
    )


def _name_dialog() -> Component:
    """Build the dialog that asks for a name; scripts fill in what it is for."""
    return html.Dialog(
        [
            html.H2(id=ids.NAME_TITLE),
            html.P(id=ids.NAME_FACTS),
            html.Ul(id=ids.NAME_REFUSED, className="refused"),
            html.Label(
                [
                    "Name",
                    field(ids.NAME_FIELD, "Name"),
                ],
                className="name-label",
            ),
            html.Div(
                [action("Cancel", "close-dialog"), action("OK", "confirm-name", class_name="primary")],
                className="actions",
            ),
        ],
        id=ids.NAME_DIALOG,
        className="dialog",
        **attributes({"aria-labelledby": ids.NAME_TITLE}),
    )
