"""PICTURES: records and plain values in, plotly figures out; no Dash, no disk, no global state."""
