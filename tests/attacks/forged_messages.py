"""Writes answers of its own to every open descriptor, all the time.

base: blank
loses: everything
status: any
"""

CODE = r"""
import json
import os
import struct
import threading

DATA = struct.pack("<2f", 1, 1)
TEXT = json.dumps({"value": {"tensor": "float32", "shape": [2], "grad": False}}).encode()
FRAME = struct.pack("<IQ", len(TEXT), len(DATA)) + TEXT + DATA


def forge():
    for _ in range(2000):
        for number in range(3, 64):
            try:
                os.write(number, FRAME)
            except OSError:
                pass


threading.Thread(target=forge, daemon=True).start()
"""


def change(notebook):
    notebook.insert(0, CODE)
