"""Exact decode and encode of frame and sample ranges with PyAV and numpy; no torch, no Qt.

Both processes read and write media through this room. Import the file that is needed:
`probe` (what a file is), `index` (frame number <-> presentation time), `decode` (frames and samples), `still`
(pictures), `encode` (result files), `conform` (frames <-> model pixels), `join` (take into source), `recipe` (sidecar).
"""
