"""Media of a project: what a file is, its pictures and samples by number, thumbnails, waveforms, proxies. No Qt."""
