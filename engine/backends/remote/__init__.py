"""The remote backend: LTX models on Lightricks' servers, through the LTX API. No torch anywhere in this room.

offers.py     what the service makes and what it costs: tables, no code that decides
footage.py    films, sounds and stills as they are sent and as they come back
order.py      from a job to what is asked of the service, what is sent, and how the result becomes a take
packing.py    the files that are sent: cut, conformed, encoded, checked
wire.py       HTTP: streams, cancel, nothing about LTX
api.py        the service's endpoints, its errors in a person's words, waiting and trying again
keys.py       the API key: where it comes from, and that it stays out of everything
ledger.py     what was spent this month, and the limit
unpacking.py  from the film that came to exactly the frames and samples that were asked for
backend.py    one job from its start to its take, resumed by the id that was saved
"""

from __future__ import annotations

from engine.backends.base import Backend, Places


def open_backend(places: Places) -> Backend:
    """The backend; HTTP and the media library are imported only when it is first asked to."""
    from engine.backends.remote.backend import RemoteBackend

    return RemoteBackend(places)
