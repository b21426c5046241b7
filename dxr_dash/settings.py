"""Every default of dxr: value, unit and meaning, in one place."""

from __future__ import annotations

VERSION = "0.7.2"

# The form on disk
FORMAT = 1  # raised when an older dxr could misread the folder
SUFFIX = ".dxr"

# Reading images
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MAX_IMAGE_PIXELS = 100_000_000  # declared width x height; more is refused before it is decoded
MAX_IMAGE_BYTES = 256 * 1024 * 1024
REDUCED_LEAST = (
    4  # a JPEG is decoded smaller while its shorter side stays so many times that of the network's
)
REDUCED_SIDE_PX = (
    256  # or of this, if that is more: one decoding does for all usual networks, and the thumbnail
)
THUMBNAIL_PX = 128  # longer side
THUMBNAIL_QUALITY = 85  # JPEG

# Features
NETWORK = "alexnet"
LAYER = "fc7"
BUNDLED_NETWORK = "thingsnet"
BATCH_IMAGES = 32  # also the unit of what an interrupted build can lose
DOWNLOAD_ANSWER_S = 8.0  # how long the site of the weights may take to answer; then it counts as offline
DOWNLOAD_STALL_S = 60.0  # a download that brings nothing for so long has failed
PCA_IMAGES = 20_000  # of the gallery that pca learns from, at most
PCA_MATRIX = (
    8_192  # rows of the largest matrix it decomposes: 512 MiB; for longer vectors no more images than this
)
NPZ_MAX_BYTES = 4 * 1024**3  # that one array of vectors made elsewhere may declare: it is held in memory
METRIC = "cosine"

# Neighbour graph and map
GRAPH_NEIGHBOURS = 30  # columns of the graph, the image itself left out
GRAPH_FURTHER = (
    8  # columns that are kept beyond, and move up when images go: with 10 % gone 2 % of the lists run out
)
GROWTH_LIMIT = (
    0.2  # images that may come and go, of those at the last full layout, before it is laid out afresh
)
EXACT_GRAPH_WORK = (
    5e10  # N * N * (D + EXACT_GRAPH_DIMS), 8,700 images of 512 dimensions: up to here comparing all
)
# pairs takes no longer than the descent (python scripts/bench_graph.py --border)
EXACT_GRAPH_DIMS = 150  # what keeping the nearest costs, in dimensions of the product
RECALL_AT = 15  # graph recall is measured for this many neighbours
RECALL_SAMPLE = 1_000  # images whose true neighbours are found by brute force to measure it
MAP_NEIGHBOURS = 15
MAP_MIN_DISTANCE = 0.5  # more than umap-learn's 0.1: the map is for browsing, and images need room
SEED = 0

# Layouts: mosaic, trust and t-SNE
MOSAIC_EXACT_LIMIT = 2_000  # images; the exact assignment takes 1 to 5 s for so many, and N cubed beyond
HONESTY_K = 15  # neighbours that trust is measured for; fewer in small collections
HONESTY_SAMPLE = 1_000  # images whose true ranks are found by brute force for the trustworthiness
TSNE_PERPLEXITY = 15  # half the graph's columns: keeps more neighbours than the usual third (docs/layouts.md)
TSNE_LIMIT = (
    5_000  # images; up to here t-SNE is always drawn, beyond only when asked for: it costs more than UMAP
)
SWATCH_PX = 8  # side of the small squares that the mosaic is drawn from at a distance

# Strip
SLIVER_WIDTH_PX = 16  # up to here the strip shows the middle of an image, beyond its thumbnail
SLIVER_HEIGHT_PX = 64

# Baseline
BASELINE_PAIRS = 200_000  # random gallery pairs
BASELINE_ALL_PAIRS_LIMIT = 1_500  # images; up to here every pair is taken

# Query sets and answers
BOOTSTRAP_DRAWS = 2_000
CONFIDENCE = 0.95
MIN_QUERY_IMAGES = 5  # fewer cannot carry a verdict
PRECISION_AT = 10
RECALL_FIRST = 100  # places of the ranking that recall looks at
ANSWER_QUERIES = (
    512  # members that a set is asked with, at most: intervals are narrow by then, and time is not
)
ANSWER_PAIRS = 2**23  # and no more than this, divided by the set's size, but
ANSWER_FEWEST = 64  # never fewer
NEAREST_PAIRS = 2**31  # of members and images: up to there every image is compared with every member

# Warnings: near-duplicates, another source, hubs
SAME_SHARE = (
    0.1  # of the usual distance around an image: a nearer one is nearly the same image (docs/calibration.md)
)
SAME_ANYWHERE = 0.01  # of the usual distance in the gallery, whatever is usual around the image
SAME_AT = (
    30  # nearest others whose median distance is the usual one: fewer, and a few copies would be the usual
)
SAME_MEMBERS = 0.05  # of a set in pairs that are nearly the same: from there on they could change the answer
COPIED_MEMBERS = 0.01  # of a set with a copy in the gallery
SOURCE_AT = 10  # nearest gallery images that tell whether an image is like the gallery
SOURCE_OUTSIDE = 0.5  # of a set that must come from outside for its source to be in question
SOURCE_LEAST = 50  # gallery images with neighbours that it takes
GALLERY_SAMPLE = 5_000  # random gallery images that stand for the gallery in both
HUB_SHARE = 0.3  # of the places among the nearest images of X that hubs take, from which on it is said
HUB_MEMBERS = 10  # that such a set needs: a few members have a hub near by chance
SCALING_AT = 10  # nearest images whose mean distance is the local scale (CSLS, NICDM)

# Findings beside the answer: random sets, what is retrieved instead, the linear probe
RANDOM_SETS = 200  # p-values can fall to 1 / 201
RANDOM_SET_IMAGES = (
    256  # of a set, at most, that are compared with random sets: the cost grows with the square
)
REFERENCE_IMAGES = 1_000  # random gallery images that stand for the gallery there
SAME_AUROC = 1e-12  # two AUROCs that differ by rounding alone are equal
INSTEAD_AT = 10  # nearest gallery images of each member that are looked at
INSTEAD_LEAST = 5  # images with a value, in the gallery and among the retrieved: fewer are an anecdote
INSTEAD_RATE = 0.05  # false discovery rate; random sets get a false "instead" in at most this share
INSTEAD_LIFT = 1.5  # times as frequent as among the neighbours of any image
INSTEAD_SHOWN = 5
OWN_SHOWN = 2  # columns
INSTEAD_EXAMPLES = 6  # images of each value
PROBE_FOLDS = 5
PROBE_NEGATIVES = 2_000  # gallery images that the probe learns and is tested on
PROBE_C = 30.0  # inverse strength of the L2 penalty, on vectors of mean squared length 1

# Scan: every value of a column, or every cluster, as query set
SCAN_MOST_VALUES = 10_000  # a column with more names images, not kinds of them
SCAN_EXAMPLES = 2  # images shown beside each value

# Two spaces beside each other
DISAGREEMENT_AT = (
    15  # nearest images of each image that are compared; half of what the graphs hold, so ties can be seen
)
DISAGREEMENT_SHOWN = 24  # images whose neighbours differ most that are listed

# Rank curves
NOISE_QUANTILE = 0.01  # of the baseline: images farther away than this are no nearer than chance often gives
CURVE_MEMBERS = 256  # of a set, evenly spaced: more would not move the median visibly

# Why two images match
OCCLUSION_CELLS = 7  # patches along each side that are hidden one by one
OCCLUSION_MOST_CELLS = 16
LARGE_PICTURE_PX = 640  # longer side of the two pictures as the page shows them
OCCLUSION_PX = 256  # shorter side that larger images are shrunk to first, where no network says another

# Multi-patch matching
PATCH_ORDER = 3  # 14 patches an image
PATCH_MOST_ORDER = 4  # 30
RERANKED = 100  # nearest images that are looked at patch by patch
RERANKED_MOST = 1_000  # each of them costs as many forward passes as it has patches
RERANKINGS_WAITING = 8  # that the page's server takes on at once; they are done one after the other

# The page
HOST = "127.0.0.1"
PORT = 8050
FIRST_RANKS = 65_536  # of a ranking, all that most clicks need: the rest is not put in order
NEIGHBOURS_SHOWN = 24
MAP_POINTS_LIMIT = 50_000  # points in one trace; software rendering stays usable
ALL_AT_ONCE = 131_072  # images whose places are sent in one answer, 1 MiB; of more only those that are needed
LONGEST_SAID = 60  # characters of a set's name inside a sentence
QUERY_MAX_IMAGES = 10_000  # from outside; more is a collection of its own
QUERY_MAX_BYTES = 2 * 1024 * 1024 * 1024
UPLOAD_MAX_IMAGES = 500
UPLOAD_MAX_IMAGE_BYTES = 20 * 1024 * 1024
UPLOAD_MAX_TOTAL_BYTES = 200 * 1024 * 1024
UPLOAD_MAX_PIXELS = 50_000_000

# The demo
DEMO_EASY_KIND = "camera"
