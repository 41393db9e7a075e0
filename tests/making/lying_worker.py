"""A worker that a decoder has taken over: it sends what the film says, line by line.

It runs as `python -m making.lying_worker`, in a `WorkerPool` of that module. A film is a JSON
list of lines; `NUMBER` stands for the question's number. Of its progress it says that the film
declares no end of pixels.
"""

import json
import os
import socket
import struct
import sys
import threading

CLOSE = "close"


def main(arguments):
    channel = socket.socket(fileno=int(arguments[1]))
    files = [int(argument) for argument in arguments[4:]]
    channel.sendall(b'{"ready":true}\n')
    for line in channel.makefile("rb"):
        question = json.loads(line)
        number = str(question["number"])
        os.pwrite(int(arguments[3]), struct.pack("=qq", question["number"], 2**62), 0)
        for said in json.loads(os.pread(files[question["file"]], question["n_bytes"], 0)):
            if said == CLOSE:
                channel.shutdown(socket.SHUT_RDWR)
                threading.Event().wait()  # it is gone from the channel, and goes on running
            channel.sendall(said.replace("NUMBER", number).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
