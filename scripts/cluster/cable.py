"""A bad cable: passes frames between two TAP devices of this network namespace, loses some and holds the others back.

    cable.py NEAR FAR loss 30% delay 500ms seed 7

Where the kernel has no netem, namespaces.sh lays this between a machine and the bridge. It makes the devices, and ends
when one of them is removed. Frames stay in order, both ways alike; a device that is a TAP has no offloads, so what comes
through here is what would go over a wire.
"""

import collections
import errno
import fcntl
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000

# What a cable holds; more than that is lost, as in any queue.
MOST_FRAMES = 4096
FRAME_BYTES = 65536


def device(name):
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return file


def asked(words):
    pairs = dict(zip(words[::2], words[1::2]))
    loss = float(pairs.pop("loss", "0%").removesuffix("%")) / 100
    delay_s = float(pairs.pop("delay", "0ms").removesuffix("ms")) / 1000
    seed = int(pairs.pop("seed", "1"))
    if pairs or len(words) % 2:
        sys.exit(f"cable.py knows loss N%, delay Nms and seed N, not {' '.join(words)}")
    return loss, delay_s, random.Random(seed)


def main():
    near, far, *words = sys.argv[1:]
    loss, delay_s, chance = asked(words)
    files = [device(near), device(far)]
    other = {files[0]: files[1], files[1]: files[0]}
    # (due, to, frame): all are delayed alike, so whoever came first goes first.
    held = collections.deque()
    while True:
        now = time.monotonic()
        while held and held[0][0] <= now:
            _, to, frame = held.popleft()
            try:
                os.write(to, frame)
            except OSError as error:
                # One that is full or not up yet loses it, as any would.
                if error.errno == errno.EBADFD:
                    raise
        wait = max(0.0, held[0][0] - now) if held else None
        for file in select.select(files, [], [], wait)[0]:
            try:
                frame = os.read(file, FRAME_BYTES)
            except BlockingIOError:
                continue
            if chance.random() >= loss and len(held) < MOST_FRAMES:
                held.append((time.monotonic() + delay_s, other[file], frame))


try:
    main()
except OSError as error:
    # The device was removed: the cable is taken away.
    sys.exit(0 if error.errno == errno.EBADFD else str(error))
