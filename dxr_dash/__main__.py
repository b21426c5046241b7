"""Run dxr with ``python -m dxr_dash``."""

from dxr_dash.cli import main

main()
