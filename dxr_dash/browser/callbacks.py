"""Which event asks which answer; every body is one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output

from dxr_dash.analysis.cores import Turns
from dxr_dash.browser import (
    beside_panel,
    compare_page,
    explained_panel,
    ids,
    map_panel,
    rank_panel,
    respond,
    sweep_panel,
    words_panel,
)
from dxr_dash.browser.commands import carry_out
from dxr_dash.browser.lines import ANSWERS, EVIDENCE, in_turn
from dxr_dash.browser.state import Selection
from dxr_dash.browser.trees import TREE, drawn_and_tree, tree, tree_about, tree_and
from dxr_dash.collection.store import Collection

Data = dict[str, Any]

VIEWS = (
    *(ids.MAP_VIEW, ids.ANSWER_VIEW, ids.SETS_VIEW, ids.NEIGHBOURS_VIEW),
    *(ids.SELECTED_VIEW, ids.DISTANCES_VIEW, ids.MEMBERS_VIEW, ids.RANKS_VIEW),
    *(ids.CONTROL_VIEW, ids.COMPARE_VIEW, ids.BESIDE_VIEW, ids.PAIR_VIEW, ids.WORDS_VIEW),
)


def register_callbacks(app: Dash, collection: Collection) -> None:
    """Wire the page of one collection."""

    def view(data: Data) -> Selection:
        return Selection.parse(data, collection)

    _register_answer(app, collection, view)
    _register_compare(app, collection, view)
    _register_beside(app, collection, view)
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("dxr", "views"),
        [Output(one, "data") for one in VIEWS],
        Input(ids.SELECTION, "data"),
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("dxr", "merge"),
        Output(ids.SELECTION, "data"),
        Input(ids.REPLY, "data"),
        prevent_initial_call=True,
    )

    @app.callback(Output(ids.REPLY, "data"), Input(ids.COMMAND, "data"), prevent_initial_call=True)
    def on_command(command: Data) -> Data:
        return asdict(carry_out(collection, command))

    @app.callback(
        Output(ids.MAP, "figure"),
        Output(ids.MAP_LEGEND, TREE),
        Output(ids.MAP_NOTE, "children"),
        Output(ids.MAP_TRUST, "children"),
        Input(ids.MAP_VIEW, "data"),
        prevent_initial_call=True,
    )
    def on_map(data: Data) -> Any:
        return map_panel.map_of(collection, view(data))

    @app.callback(Output(ids.SETS, TREE), Input(ids.SETS_VIEW, "data"), prevent_initial_call=True)
    def on_sets(data: Data) -> Any:
        return tree(respond.sets_of(collection, view(data)))

    @app.callback(Output(ids.NEIGHBOURS, TREE), Input(ids.NEIGHBOURS_VIEW, "data"), prevent_initial_call=True)
    def on_neighbours(data: Data) -> Any:
        return tree(respond.neighbours_of(collection, view(data)))

    @app.callback(Output(ids.SELECTED, TREE), Input(ids.SELECTED_VIEW, "data"), prevent_initial_call=True)
    def on_selected(data: Data) -> Any:
        return tree(respond.selected_of(collection, view(data)))

    @app.callback(
        Output(ids.DISTANCES, "figure"),
        Output(ids.DISTANCES_STAGE, "style"),
        Input(ids.DISTANCES_VIEW, "data"),
        prevent_initial_call=True,
    )
    def on_distances(data: Data) -> Any:
        return in_turn(respond.distances_of)(collection, view(data))

    @app.callback(
        Output(ids.RANKS, "figure"),
        Output(ids.ROWS, TREE),
        Input(ids.RANKS_VIEW, "data"),
        prevent_initial_call=True,
    )
    def on_ranks(data: Data) -> Any:
        return drawn_and_tree(*rank_panel.ranks_of(collection, view(data)))

    @app.callback(
        Output(ids.WORDS_FOUND, TREE),
        Output(ids.WORDS_PANEL, "hidden"),
        Input(ids.WORDS_VIEW, "data"),
        prevent_initial_call=True,
    )
    def on_words(data: Data) -> Any:
        return tree_and(*words_panel.words_of(collection, view(data)))

    @app.callback(Output(ids.FOUND, TREE), Input(ids.FOUND_VIEW, "data"), prevent_initial_call=True)
    def on_find(text: str | None) -> Any:
        return tree(respond.found_by_name(collection, text or ""))


def _register_answer(app: Dash, collection: Collection, view: Callable[[Data], Selection]) -> None:
    """Wire the answer and what belongs to it: parts of their own, so that the quick ones do not wait."""

    def about_set(part: Callable[[Collection, Selection], Any], data: Data, turns: Turns = ANSWERS) -> str:
        selection = view(data)
        about = f"{selection.space} {selection.active}" if selection.active else ""
        return tree_about(about, in_turn(part, turns)(collection, selection))

    @app.callback(Output(ids.ANSWER, TREE), Input(ids.ANSWER_VIEW, "data"), prevent_initial_call=True)
    def on_answer(data: Data) -> Any:
        return about_set(respond.answer_of, data)

    @app.callback(
        Output(ids.SHIFT, "figure"),
        Output(ids.SHIFT_STAGE, "hidden"),
        Input(ids.ANSWER_VIEW, "data"),
        prevent_initial_call=True,
    )
    def on_shift(data: Data) -> Any:
        return in_turn(respond.shift_of)(collection, view(data))

    @app.callback(Output(ids.EVIDENCE, TREE), Input(ids.ANSWER_VIEW, "data"), prevent_initial_call=True)
    def on_evidence(data: Data) -> Any:
        return about_set(respond.evidence_of, data, EVIDENCE)

    @app.callback(Output(ids.PROOFS, TREE), Input(ids.ANSWER_VIEW, "data"), prevent_initial_call=True)
    def on_proofs(data: Data) -> Any:
        return about_set(respond.proofs_of, data)

    @app.callback(Output(ids.MEMBERS, TREE), Input(ids.MEMBERS_VIEW, "data"), prevent_initial_call=True)
    def on_members(data: Data) -> Any:
        return about_set(respond.members_of, data)

    @app.callback(
        Output(ids.EXPLAINED, TREE),
        Output(ids.EXPLAINED_FIGURE, "figure"),
        Output(ids.EXPLAINED_STAGE, "style"),
        Input(ids.CONTROL_VIEW, "data"),
        prevent_initial_call=True,
    )
    def on_control(data: Data) -> Any:
        return in_turn(explained_panel.explained_of)(collection, view(data))


def _register_compare(app: Dash, collection: Collection, view: Callable[[Data], Selection]) -> None:
    """Wire the comparison; its parts wait for different numbers."""

    @app.callback(Output(ids.COMPARED, TREE), Input(ids.COMPARE_VIEW, "data"), prevent_initial_call=True)
    def on_compare(data: Data) -> Any:
        return tree(in_turn(compare_page.compared_of)(collection, view(data)))

    @app.callback(
        Output(ids.COMPARED_DISTANCES, "figure"),
        Output(ids.COMPARED_STAGE, "style"),
        Output(ids.COMPARED_FACTS, TREE),
        Input(ids.COMPARE_VIEW, "data"),
        prevent_initial_call=True,
    )
    def on_compared_distances(data: Data) -> Any:
        return in_turn(compare_page.distances_of)(collection, view(data))

    @app.callback(
        Output(ids.SWEEP, "figure"),
        Output(ids.SWEEP_SAID, TREE),
        Output(ids.SWEEP_PANEL, "hidden"),
        Input(ids.COMPARE_VIEW, "data"),
        prevent_initial_call=True,
    )
    def on_sweep(data: Data) -> Any:
        return in_turn(sweep_panel.sweep_of)(collection, view(data))

    @app.callback(
        Output(ids.COMPARED_RANKS, "figure"), Input(ids.COMPARE_VIEW, "data"), prevent_initial_call=True
    )
    def on_compared_ranks(data: Data) -> Any:
        return in_turn(compare_page.ranks_of)(collection, view(data))

    @app.callback(
        Output(ids.COMPARED_EXPLAINED, TREE),
        Output(ids.COMPARED_EXPLAINED_FIGURE, "figure"),
        Output(ids.COMPARED_EXPLAINED_STAGE, "style"),
        Input(ids.COMPARE_VIEW, "data"),
        prevent_initial_call=True,
    )
    def on_compared_control(data: Data) -> Any:
        return in_turn(explained_panel.explained_of)(collection, view(data))


def _register_beside(app: Dash, collection: Collection, view: Callable[[Data], Selection]) -> None:
    """Wire the map of another space, and what the two spaces do not agree on."""

    @app.callback(
        Output(ids.BESIDE, "figure"),
        Output(ids.BESIDE_NOTE, "children"),
        Input(ids.BESIDE_VIEW, "data"),
        prevent_initial_call=True,
    )
    def on_beside(data: Data) -> Any:
        return beside_panel.beside_of(collection, view(data))

    @app.callback(Output(ids.PAIR, TREE), Input(ids.PAIR_VIEW, "data"), prevent_initial_call=True)
    def on_pair(data: Data) -> Any:
        return tree(in_turn(beside_panel.pair_of)(collection, view(data)))
