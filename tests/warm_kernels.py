"""Kernels that have torch imported when they start: forked from one process that imported it once.

Importing torch, torchvision and Matplotlib takes five to ten seconds of processor time in each kernel, and a run of the
tests starts dozens. conftest.py writes a kernel specification `python3` that calls this file, and starts it once as

    python tests/warm_kernels.py serve SOCKET        imports, then forks a kernel for each call
    python tests/warm_kernels.py call SOCKET FILE    stands for the kernel's process: hands on signals, ends with it

A forked kernel gets the caller's folder, environment and streams; nothing else tells it from one that was started anew.
"""

import contextlib
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import threading

MODULES = ("numpy", "torch", "torch._dynamo", "torchvision", "matplotlib.pyplot", "sklearn.datasets", "IPython")
MODULES += ("ipykernel.kernelapp",)


def serve(address: str) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    del sys.path[0]  # this folder
    for name in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:  # closed: the tests are over
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            be_kernel(connection)
        connection.close()


def be_kernel(connection: socket.socket) -> None:
    text, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while not text.endswith(b"\n"):
        text += connection.recv(1 << 20)
    call = json.loads(text)
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    os.environ.pop("JPY_PARENT_PID", None)  # the kernel would miss its parent and end
    random.seed()
    sys.modules["numpy"].random.seed()
    connection.sendall(f"{os.getpid()}\n".encode())

    def end_with_caller():
        connection.recv(1)
        os._exit(1)

    threading.Thread(target=end_with_caller, daemon=True).start()
    sys.argv = ["ipykernel_launcher", *call["arguments"]]
    importlib.import_module("ipykernel.kernelapp").launch_new_instance()
    os._exit(0)


def call(address: str, arguments: list[str]) -> None:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    message = {"folder": os.getcwd(), "environment": dict(os.environ), "arguments": arguments}
    text = json.dumps(message).encode() + b"\n"
    sent = socket.send_fds(connection, [text], [0, 1, 2])
    connection.sendall(text[sent:])
    kernel = int(connection.makefile().readline())
    signal.signal(signal.SIGINT, lambda *_: os.kill(kernel, signal.SIGINT))
    signal.signal(signal.SIGTERM, lambda *_: os.kill(kernel, signal.SIGTERM))
    while connection.recv(1):
        pass


if __name__ == "__main__":
    serve(sys.argv[2]) if sys.argv[1] == "serve" else call(sys.argv[2], sys.argv[3:])
