#!/usr/bin/env python3
"""A wire between two network devices that delays and loses packets, in both directions.

Usage: slow_wire.py DEVICE DEVICE DELAY_SECONDS LOSS

Makes both devices (TUN, so that packets are IP packets), prints "ready" and carries what is sent to one
to the other until it is killed. The caller moves the devices to where they are wanted. Unlike the
kernel's netem it needs no module, and the packets to be lost are drawn from a fixed seed.
"""

import collections
import fcntl
import os
import random
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def open_device(name):
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return descriptor


def carry(ends, delay, loss):
    draws = random.Random(1)
    under_way = collections.deque()  # (when it is due, to which end, packet), in the order of time
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        readable, _, _ = select.select(ends, [], [], wait)
        try:
            for end in readable:
                packet = os.read(end, 65536)
                if draws.random() >= loss:
                    under_way.append((time.monotonic() + delay, ends[1 - ends.index(end)], packet))
            while under_way and under_way[0][0] <= time.monotonic():
                _, end, packet = under_way.popleft()
                os.write(end, packet)
        except OSError:
            time.sleep(0.01)  # a device that is not up yet


def main():
    ends = [open_device(name) for name in sys.argv[1:3]]
    print("ready", flush=True)
    carry(ends, float(sys.argv[3]), float(sys.argv[4]))


main()
