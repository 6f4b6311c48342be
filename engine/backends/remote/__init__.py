"""The remote backend: LTX models on Lightricks' servers, through the LTX API. No torch anywhere in this room.

offers.py     what the service makes and what it costs: tables, no code that decides
footage.py    films, sounds and stills as they are sent and as they come back
order.py      what is asked of the service, what is sent, and how the result becomes a take: values
planning.py   from a job to an order; what the service can't do is refused here
packing.py    the files that are sent: cut, conformed, encoded, checked
wire.py       HTTP: streams, cancel, nothing about LTX
api.py        the service's endpoints, waiting and trying again
answers.py    what it answers, and its errors in a person's words
keys.py       the API key: where it comes from, and that it stays out of everything
ledger.py     what was spent this month, and the limit
unpacking.py  from the film that came to exactly the frames and samples that were asked for
saved.py      what a later engine needs to go on with a job
run.py        one job from its start to its take, resumed by the id that was saved
capabilities.py  offers, phases and prices as the app shows them
backend.py    what works, estimates, the key; runs jobs
"""

from __future__ import annotations

from engine.backends.base import Backend, Places


def open_backend(places: Places) -> Backend:
    """The backend; HTTP and the media library are imported only when it is first asked to."""
    from engine.backends.remote.backend import RemoteBackend

    return RemoteBackend(places)
