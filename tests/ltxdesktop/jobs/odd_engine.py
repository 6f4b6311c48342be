"""An engine that isn't one: says what its argument names, then does nothing until its input ends."""

import os
import sys

import msgspec

from engine.protocol.framing import pack
from engine.protocol.messages import PROTOCOL, EngineHello, EngineState, Goodbye, Pong, encode

HELLO = EngineHello(protocol=PROTOCOL, build="odd", pid=os.getpid())
IDLE = EngineState(state="idle")
NEWER = msgspec.structs.replace(HELLO, protocol=(PROTOCOL[0] + 1, 4), build="next year's")


def framed(*headers: bytes) -> bytes:
    return b"".join(pack(header) for header in headers)


SAYINGS = {
    "nothing": b"",
    "newer": framed(encode(NEWER)),
    "banner": b"Welcome to host. Last login: Tuesday.\r\n" + framed(encode(HELLO), encode(IDLE)),
    "unknown": framed(
        encode(HELLO), msgspec.msgpack.encode({"type": "weather", "sky": "blue"}), encode(IDLE), encode(Pong(call=1))
    ),
    "noise": framed(encode(HELLO), encode(IDLE)) + b"".join(b"noise" + pack(b"\xc1") for _ in range(200)),
    "farewell": framed(encode(HELLO), encode(Goodbye(kind="store_locked", message="Process 42 has it.", owner_pid=42))),
}

os.write(1, SAYINGS[sys.argv[1]])
if sys.argv[1] == "farewell":
    os._exit(3)
print("this is its log", file=sys.stderr, flush=True)
if "deaf" not in sys.argv:
    sys.stdin.buffer.read()
else:
    import threading

    threading.Event().wait()
