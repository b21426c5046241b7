"""Every component id of the page. `assets/state.js` repeats the ones that scripts use; a test compares them."""

# The state of the page, and the two ways in and out of it
SELECTION = "selection"  # the one record of what is looked at; written by scripts, parsed by the server
COMMAND = "command"  # what a script asks the server to do
REPLY = "reply"  # what came of it

# The part of the selection that each panel shows; a panel is drawn again only when its part changes
MAP_VIEW = "map-view"
ANSWER_VIEW = "answer-view"
SETS_VIEW = "sets-view"
NEIGHBOURS_VIEW = "neighbours-view"
SELECTED_VIEW = "selected-view"
DISTANCES_VIEW = "distances-view"
MEMBERS_VIEW = "members-view"
RANKS_VIEW = "ranks-view"
CONTROL_VIEW = "control-view"
COMPARE_VIEW = "compare-view"
BESIDE_VIEW = "beside-view"
PAIR_VIEW = "pair-view"
WORDS_VIEW = "words-view"
FOUND_VIEW = "found-view"  # the text of the find field, once the typing pauses

# Header
FIND_TEXT = "find-text"
FOUND = "found"
SPACE = "space"
STATUS = "status"
TOASTS = "toasts"

# Map
MAP = "map"
MAP_STAGE = "map-stage"
MAP_TILES = "map-tiles"  # canvas under the points: the mosaic
MAP_MARKS = "map-marks"  # canvas over the points: thumbnails
MAP_OVERLAY = "map-overlay"
MAP_NOTE = "map-note"
MAP_FAR = "map-far"  # what the map hides about the focused image; written by scripts
MAP_TRUST = "map-trust"
MAP_LEGEND = "map-legend"
COLOUR_BY = "colour-by"

# The map of another space beside it
BESIDE = "beside"
BESIDE_STAGE = "beside-stage"
BESIDE_TILES = "beside-tiles"  # canvas under its points: how many images lie where
BESIDE_MARKS = "beside-marks"  # canvas over its points: thumbnails
BESIDE_OVERLAY = "beside-overlay"
BESIDE_NOTE = "beside-note"
BESIDE_SPACE = "beside-space"
PAIR_PANEL = "pair-panel"  # whose neighbours differ
PAIR = "pair"

# Panels
ANSWER = "answer"
SHIFT = "shift"
SHIFT_STAGE = "shift-stage"
EVIDENCE = "evidence"
PROOFS = "proofs"
SETS = "sets"
WORDS_PANEL = "words-panel"  # ask in words, where the space knows any
WORDS_FIELD = "words-field"
WORDS_FOUND = "words-found"
NEIGHBOURS = "neighbours"
PATCHES = "patches"  # the neighbours, patch by patch
PATCH_TOGGLE = "patch-toggle"
PATCH_ORDER = "patch-order"
SELECTED_PANEL = "selected-panel"
SELECTED = "selected"
SAVE_NAME = "save-name"
DISTANCES = "distances"
DISTANCES_STAGE = "distances-stage"
DISTANCES_OVERLAY = "distances-overlay"
MEMBERS = "members"

# What a control set explains, on the page of the answer and on that of the comparison
EXPLAINED = "explained"
EXPLAINED_STAGE = "explained-stage"
EXPLAINED_FIGURE = "explained-figure"
COMPARED_EXPLAINED = "compared-explained"
COMPARED_EXPLAINED_STAGE = "compared-explained-stage"
COMPARED_EXPLAINED_FIGURE = "compared-explained-figure"

# Compare
COMPARED = "compared"
COMPARED_DISTANCES = "compared-distances"
COMPARED_STAGE = "compared-stage"
COMPARED_OVERLAY = "compared-overlay"
COMPARED_FACTS = "compared-facts"
COMPARED_RANKS = "compared-ranks"
COMPARED_RANKS_STAGE = "compared-ranks-stage"
EVERYWHERE = "everywhere"
SWEEP = "sweep"
SWEEP_PANEL = "sweep-panel"
SWEEP_SAID = "sweep-said"

# Rank curves
RANKS = "ranks"
RANKS_STAGE = "ranks-stage"
RANKS_OVERLAY = "ranks-overlay"
ROWS = "rows"
BRUSH_FIRST = "brush-first"
BRUSH_WIDTH = "brush-width"
METRIC = "metric"
TRAIL = "trail"

# Scan
SCAN_BY = "scan-by"
SCAN_START = "scan-start"
SCAN_STOP = "scan-stop"
SCAN_PROGRESS = "scan-progress"
SCAN_TOTALS = "scan-totals"
SCAN_HEAD = "scan-head"
SCAN_LINES = "scan-lines"
SCAN_NOTE = "scan-note"

# Strip
STRIP_SOURCE = "strip-source"
STRIP_LENS = "strip-lens"
STRIP_FACTS = "strip-facts"
STRIP_STAGE = "strip-stage"
STRIP_NOTE = "strip-note"

# What lies over the page
CARD = "card"
DROP_VEIL = "drop-veil"
HELP_DIALOG = "help-dialog"
NAME_DIALOG = "name-dialog"
NAME_TITLE = "name-title"
NAME_FACTS = "name-facts"
NAME_REFUSED = "name-refused"
NAME_FIELD = "name-field"
REPORT_DIALOG = "report-dialog"
REPORT_OF = "report-of"
REPORT_WORK = "report-work"
WHY_DIALOG = "why-dialog"
WHY_PAIR = "why-pair"
WHY_SCALE = "why-scale"
WHY_SAID = "why-said"
