"""Loading data: whatever goes wrong, there is a good file or a clear sentence, and nothing bad stays on disk."""

import contextlib
import gzip
import hashlib
import http.server
import io
import multiprocessing
import os
import pickle
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from sklearn.neighbors import KNeighborsClassifier
from torchvision import datasets

from course_utils import CourseError
from course_utils.data import DataError, batches, download, load_images, offline
from course_utils.data.download import SOURCES, Source

# A real process for each case. "forkserver" imports torch once for all; Windows has only "spawn".
processes = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
if sys.platform != "win32":
    processes.set_forkserver_preload(["course_utils.training"])

settings.register_profile("course", deadline=None, max_examples=50)  # a busy machine is no failure
settings.load_profile("course")


# ---------------------------------------------------------------- a small data set on a server of our own


def idx(array: torch.Tensor) -> bytes:
    """The IDX format: two zero bytes, type 8 (unsigned byte), rank, sizes, data."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.byte().numpy().tobytes()


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


TRAIN, TEST = 60, 20
_generator = torch.Generator().manual_seed(0)
ARRAYS = {
    # Few ink pixels, so the packed images are much smaller than the unpacked ones: a full disk can hit either.
    "train-images-idx3-ubyte": (torch.rand(TRAIN, 28, 28, generator=_generator) > 0.98) * 255,
    "train-labels-idx1-ubyte": torch.arange(TRAIN) % 10,
    "t10k-images-idx3-ubyte": (torch.rand(TEST, 28, 28, generator=_generator) > 0.98) * 255,
    "t10k-labels-idx1-ubyte": torch.arange(TEST) % 10,
}
RAW = {name: idx(array) for name, array in ARRAYS.items()}
PACKED = {f"{name}.gz": gzip.compress(raw, mtime=0) for name, raw in RAW.items()}
IMAGES = "train-images-idx3-ubyte"


def tiny(name: str, mirrors: list[str]) -> Source:
    """`name` with the small files instead of the true ones; everything else is as in the course."""
    true = SOURCES[name]
    resources = [(file, md5(data)) for file, data in PACKED.items()]
    dataset = type(true.dataset.__name__, (true.dataset,), {"resources": resources})
    files = {file: md5(raw) if true.files[file] else None for file, raw in RAW.items()}
    return Source(dataset, true.folder, files, tuple(mirrors))


class Server:
    """Serves `answers[path]` = (status, body[, announced length]); `fetched` counts the files it sent."""

    def __init__(self):
        self.answers: dict[str, tuple] = {}
        self.fetched: list[str] = []
        self.delay = 0.0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, body, *length = outer.answers.get(self.path, (404, b""))
                if status == "gibberish":
                    self.wfile.write(body)
                    return
                if "Method" not in self.headers:  # torchvision first asks for the address alone, with this header
                    outer.fetched.append(self.path)
                    time.sleep(outer.delay)
                self.send_response(status)
                self.send_header("Content-Length", length[0] if length else len(body))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # the reader may leave before the end
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def mirror(self, name: str, answer=lambda file, body: (200, body)) -> str:
        """A mirror that gives for each file what `answer` makes of the good one; its address."""
        self.answers |= {f"/{name}/{file}": answer(file, body) for file, body in PACKED.items()}
        return f"{self.address}/{name}/"


@pytest.fixture
def server():
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def nobody_listens() -> str:
    """An address where the connection is refused: this is what no network looks like."""
    server = Server()
    server.http.shutdown()
    server.http.server_close()
    return f"{server.address}/"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def use(monkeypatch):
    """use("mnist", [mirror, …]) puts the small data set in the place of the true one."""
    return lambda name, mirrors: monkeypatch.setitem(SOURCES, name, tiny(name, mirrors))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_good(images, folder: Path, name="mnist"):
    for part, array in zip(images[:4], ARRAYS.values(), strict=True):
        expected = array if array.ndim == 1 else array.unsqueeze(1) / 255
        assert torch.equal(part, expected)
    assert images.source == name
    assert contents(folder) == {f"{SOURCES[name].folder}/{file}": raw for file, raw in RAW.items()}
    assert not list(folder.glob(f".{name}-*"))  # the temporary folder is gone


def assert_sentence(message: str):
    """One line for a reader: it ends like a sentence, names the remedy and is no dump of a Python object."""
    assert "\n" not in message
    assert message.endswith(".")
    assert not message.endswith("..")
    assert "COURSE_DATA" in message or "choose one of" in message
    assert not re.search(r"Traceback|Error\(|Exception\(|File \"|0x[0-9a-f]{6}", message)


def fails(name: str, folder: Path) -> str:
    """Loading ends with a DataError whose message is a sentence, and the folder is as it was before."""
    before = contents(folder)
    with pytest.raises(DataError) as caught:
        load_images(name)
    assert_sentence(str(caught.value))
    assert contents(folder) == before
    assert not [path for path in folder.glob(f".{name}-*") if path.is_dir()]
    return str(caught.value)


# ---------------------------------------------------------------- downloads


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_good_download_then_no_second_one(name, server, use, folder, capsys):
    use(name, [server.mirror("good")])
    assert_good(load_images(name), folder, name)
    assert len(server.fetched) == 4
    assert f"Data: {name}, 60 training and 20 test images." in capsys.readouterr().out
    assert_good(load_images(name), folder, name)
    assert len(server.fetched) == 4


FAULTS = {
    "403": lambda file, body: (403, b"Forbidden"),
    "404": lambda file, body: (404, b"Not here"),
    "HTML with status 200": lambda file, body: (200, b"<html><body>Please log in to the network</body></html>"),
    "truncated": lambda file, body: (200, body[: len(body) // 2]),
    "cut connection": lambda file, body: (200, body[: len(body) // 2], len(body)),
    "corrupted": lambda file, body: (200, body[:20] + bytes([body[20] ^ 1]) + body[21:]),
    "empty": lambda file, body: (200, b""),
    "another data set": lambda file, body: (200, gzip.compress(idx(torch.zeros(3, 28, 28)))),
    "no HTTP": lambda file, body: ("gibberish", b"\r\n\r\n"),
    "only the last file corrupted": lambda file, body: (200, body[:-9] if file.startswith("t10k-labels") else body),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_mirror_is_refused(fault, server, use, folder):
    use("mnist", [server.mirror("bad", FAULTS[fault])])
    message = fails("mnist", folder)
    assert "127.0.0.1" in message  # says which mirror


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_mirror_mends_it(fault, server, use, folder):
    use("mnist", [server.mirror("bad", FAULTS[fault]), server.mirror("good")])
    assert_good(load_images(), folder)


def test_fashion_mnist_goes_the_same_way(server, use, folder):
    use("fashion_mnist", [server.mirror("forbidden", FAULTS["403"]), server.mirror("half", FAULTS["truncated"])])
    assert "403" in fails("fashion_mnist", folder)
    use("fashion_mnist", [server.mirror("half", FAULTS["truncated"]), server.mirror("good")])
    assert_good(load_images("fashion_mnist"), folder, "fashion_mnist")


def cifar_archive() -> tuple[bytes, dict[str, bytes]]:
    """A CIFAR-10 archive of one training and one test batch, two images each; and its files."""
    images = torch.arange(4 * 3072).remainder(256).byte().view(4, 3072).numpy()
    files = {
        "data_batch_1": pickle.dumps({"data": images[:2], "labels": [1, 2]}),
        "test_batch": pickle.dumps({"data": images[2:], "labels": [3, 4]}),
        "batches.meta": pickle.dumps({"label_names": list("abcdefghij")}),
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return archive.getvalue(), files


@pytest.mark.parametrize("good", [True, False])
def test_cifar10(good, server, folder, monkeypatch):
    archive, files = cifar_archive()
    lists = {
        "url": f"{server.address}/cifar.tar.gz",
        "tgz_md5": md5(archive),
        "train_list": [["data_batch_1", md5(files["data_batch_1"])]],
        "test_list": [["test_batch", md5(files["test_batch"])]],
        "meta": {"filename": "batches.meta", "key": "label_names", "md5": md5(files["batches.meta"])},
    }
    dataset = type("CIFAR10", (datasets.CIFAR10,), lists)
    sums = {name: md5(data) for name, data in files.items()}
    monkeypatch.setitem(SOURCES, "cifar10", Source(dataset, "cifar-10-batches-py", sums, (lists["url"],)))
    server.answers["/cifar.tar.gz"] = (200, archive if good else archive[:-30])
    if not good:
        fails("cifar10", folder)
        return
    images = load_images("cifar10")
    assert images.train.shape == (2, 3, 32, 32)
    assert images.train_labels.tolist() == [1, 2]
    assert images.test_labels.tolist() == [3, 4]
    # The file holds 1 024 red values, then the green, then the blue ones, each row by row.
    assert torch.equal(images.train[0, 2, 5] * 255, (torch.arange(32) + 2 * 1024 + 5 * 32).remainder(256).float())
    assert set(contents(folder)) == {f"cifar-10-batches-py/{name}" for name in files}


# ---------------------------------------------------------------- no network


def test_no_network_and_a_folder_that_was_named(use, folder, nobody_listens):
    use("mnist", [nobody_listens])
    assert "refused" in fails("mnist", folder) or sys.platform != "linux"


def test_no_network_falls_back_in_one_visible_line(use, monkeypatch, tmp_path, capsys, nobody_listens):
    use("mnist", [nobody_listens])
    monkeypatch.delenv("COURSE_DATA")
    monkeypatch.setattr("course_utils.schedule.user_cache_path", lambda _: tmp_path)
    assert load_images().source == "embedded"
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert "embedded digits" in lines[0]
    assert "could not be downloaded" in lines[0]
    assert contents(tmp_path) == {}


def test_other_data_sets_have_no_stand_in(use, monkeypatch, tmp_path, nobody_listens):
    use("fashion_mnist", [nobody_listens])
    monkeypatch.delenv("COURSE_DATA")
    monkeypatch.setattr("course_utils.schedule.user_cache_path", lambda _: tmp_path)
    fails("fashion_mnist", tmp_path / "data")
    monkeypatch.setenv("COURSE_DATA", "embedded")
    fails("fashion_mnist", tmp_path / "data")


def test_unknown_name(folder):
    assert "fashion_mnist" in fails("minst", folder)


# ---------------------------------------------------------------- bad files already on disk

ON_DISK = {
    "truncated": lambda raw: raw[:-100],
    "too long": lambda raw: raw + b"x",
    "empty": lambda raw: b"",
    "altered": lambda raw: raw[:500] + bytes([raw[500] ^ 255]) + raw[501:],
    "HTML": lambda raw: b"<!DOCTYPE html><html><body>403 Forbidden</body></html>",
    "header only": lambda raw: raw[:6],
}


@pytest.fixture
def on_disk(folder) -> Path:
    """The small data set, lying whole in the data folder."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, data in RAW.items():
        (raw / name).write_bytes(data)
    return raw


@pytest.mark.parametrize("kind", ON_DISK)
def test_a_bad_file_on_disk_is_replaced(kind, server, use, folder, on_disk):
    (on_disk / IMAGES).write_bytes(ON_DISK[kind](RAW[IMAGES]))
    use("mnist", [server.mirror("good")])
    assert_good(load_images(), folder)


@pytest.mark.parametrize("kind", ON_DISK)
def test_a_bad_file_on_disk_is_named_without_a_network(kind, use, folder, on_disk, nobody_listens):
    (on_disk / IMAGES).write_bytes(ON_DISK[kind](RAW[IMAGES]))
    use("mnist", [nobody_listens])
    assert IMAGES in fails("mnist", folder)


@pytest.mark.parametrize("start", ["MNIST/raw", "MNIST", "..", "../.."])
def test_good_files_one_folder_off_are_read_where_they_lie(start, use, folder, on_disk, monkeypatch, nobody_listens):
    """Who names MNIST/raw itself, or packs the folder once more, has the data all the same."""
    use("mnist", [nobody_listens])
    named = (folder / start).resolve()
    monkeypatch.setenv("COURSE_DATA", str(named))
    assert_good(load_images(), folder)
    assert not list(named.glob(".mnist*"))


LYING_ABOUT = {
    "not below MNIST/raw": (lambda name: name, lambda raw: raw, "move it to MNIST/raw/t10k-images-idx3-ubyte"),
    "packed": (lambda name: f"MNIST/raw/{name}.gz", gzip.compress, "unpack it to MNIST/raw/t10k-images-idx3-ubyte"),
    "with dots": (
        lambda name: "MNIST/raw/" + name.replace("-idx", ".idx"), lambda raw: raw, "t10k-images.idx3-ubyte: move it"
    ),
    "with dots, packed, elsewhere": (
        lambda name: "a/b/" + name.replace("-idx", ".idx") + ".gz", gzip.compress, "/t10k-images.idx3-ubyte.gz: unpack"
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", LYING_ABOUT)
def test_files_that_lie_about_are_named(how, use, folder, nobody_listens):
    use("mnist", [nobody_listens])
    rename, pack, words = LYING_ABOUT[how]
    for name, raw in RAW.items():
        (folder / rename(name)).parent.mkdir(parents=True, exist_ok=True)
        (folder / rename(name)).write_bytes(pack(raw))
    message = fails("mnist", folder)
    assert "train-images-idx3-ubyte is missing; there is " in message
    assert words in message


def test_no_lock_is_left_behind(server, use, folder, nobody_listens):
    use("mnist", [nobody_listens])
    fails("mnist", folder)
    assert list(folder.iterdir()) == []
    use("mnist", [server.mirror("good")])
    load_images()
    assert [path.name for path in folder.iterdir()] == ["MNIST"]


def test_a_missing_file_is_fetched(server, use, folder, on_disk):
    (on_disk / "t10k-labels-idx1-ubyte").unlink()
    use("mnist", [server.mirror("good")])
    assert_good(load_images(), folder)


def test_a_folder_in_the_place_of_a_file(server, use, folder, on_disk):
    (on_disk / IMAGES).unlink()
    (on_disk / IMAGES).mkdir()
    use("mnist", [server.mirror("good")])
    fails("mnist", folder)


def test_files_in_torchvisions_old_layout_are_not_trusted(use, folder, on_disk):
    # Where processed/*.pt exist, torchvision would read them, unchecked, instead of the raw files.
    use("mnist", [])
    processed = folder / "MNIST" / "processed"
    processed.mkdir()
    torch.save((torch.zeros(60, 28, 28, dtype=torch.uint8), torch.zeros(60, dtype=torch.int64)), processed / "test.pt")
    (processed / "training.pt").write_bytes(b"no tensor")
    images = load_images()
    assert torch.equal(images.train * 255, ARRAYS[IMAGES].unsqueeze(1).float())
    assert torch.equal(images.test_labels, ARRAYS["t10k-labels-idx1-ubyte"])


# ---------------------------------------------------------------- folders that cannot be written


def test_a_file_where_the_folder_should_be(server, use, tmp_path, folder):
    use("mnist", [server.mirror("good")])
    folder.write_bytes(b"here first")
    with pytest.raises(DataError) as caught:
        load_images()
    assert_sentence(str(caught.value))
    assert folder.read_bytes() == b"here first"
    assert os.listdir(tmp_path) == ["data"]


@pytest.mark.parametrize("path", ["/proc/course-data", "/dev/null/data", "x" * 300])
def test_impossible_folders(path, server, use, monkeypatch, tmp_path):
    if path.startswith(("/proc", "/dev")) and sys.platform != "linux":
        pytest.skip("such a folder exists on Linux only")
    use("mnist", [server.mirror("good")])
    monkeypatch.setenv("COURSE_DATA", path if path.startswith("/") else str(tmp_path / path))
    with pytest.raises(DataError) as caught:
        load_images()
    assert_sentence(str(caught.value))
    assert server.fetched == []


@contextlib.contextmanager
def without_privileges():
    """Permission bits do not bind root, so act as another user meanwhile."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def locked(monkeypatch):
    """A folder with the small data set that any user can reach; the test takes its write permission away."""
    if sys.platform == "win32":
        pytest.skip("Windows has no permission bits on folders")
    base = Path(tempfile.mkdtemp(dir="/tmp"))
    raw = base / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, data in RAW.items():
        (raw / name).write_bytes(data)
    base.chmod(0o755)
    monkeypatch.setenv("COURSE_DATA", str(base))
    yield base
    base.chmod(0o755)
    shutil.rmtree(base)


def test_read_only_folder_with_good_files_is_enough(locked, use):
    use("mnist", [])
    locked.chmod(0o555)
    with without_privileges():
        images = load_images()
    assert_good(images, locked)


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_read_only_folder(mode, locked, server, use):
    use("mnist", [server.mirror("good")])
    load_images()  # imports everything, which another user might not be allowed to
    if mode == 0o555:
        (locked / "MNIST" / "raw" / IMAGES).write_bytes(b"bad")
    before = contents(locked)
    locked.chmod(mode)
    with without_privileges(), pytest.raises(DataError, match="Permission denied") as caught:
        load_images()
    assert_sentence(str(caught.value))
    locked.chmod(0o755)
    assert contents(locked) == before
    assert server.fetched == []


# ---------------------------------------------------------------- real processes


def load_in_process(mirror: str, folder: str, pipe, start=None, file_size: int | None = None):
    """What the processes below run: load the small data set and report the training images or the message."""
    os.environ |= {"COURSE_DATA": folder, "COURSE_DEVICE": "cpu", "NO_PROXY": "*"}
    SOURCES["mnist"] = tiny("mnist", [mirror])
    if file_size:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if start:
            start.wait()
        try:
            answer = load_images().train.mul(255).byte().numpy().tobytes()
        except CourseError as error:
            answer = str(error)
    pipe.send(answer)


def in_process(*args, **more):
    """Start `load_in_process`; the process and the end of the pipe that its answer comes from."""
    ours, theirs = processes.Pipe()
    process = processes.Process(target=load_in_process, args=(*args, theirs), kwargs=more)
    process.start()
    theirs.close()  # so that the death of the process ends our waiting
    return process, ours


@pytest.mark.thorough
def test_two_processes_at_once(server, folder):
    server.delay = 0.1  # so that the second comes while the first is at it
    start = processes.Barrier(2)
    both = [in_process(server.mirror("good"), str(folder), start=start) for _ in range(2)]
    for process, pipe in both:
        assert pipe.recv() == ARRAYS[IMAGES].byte().numpy().tobytes()
        process.join()
    assert sorted(server.fetched) == sorted(f"/good/{file}" for file in PACKED)
    assert set(contents(folder)) == {f"MNIST/raw/{file}" for file in RAW}


def test_a_killed_download_leaves_nothing_behind(server, use, folder):
    server.delay = 60
    process, _ = in_process(server.mirror("good"), str(folder))
    deadline = time.monotonic() + 60
    while not server.fetched and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.join()
    assert server.fetched
    assert list(folder.glob(".mnist-*"))  # it was in the middle of it
    server.delay = 0
    use("mnist", [server.mirror("good")])
    assert_good(load_images(), folder)


# 500 bytes stop the download, 10 000 the unpacking: the images take 3 kB packed and 47 kB unpacked.
@pytest.mark.parametrize("file_size", [500, 10_000])
def test_no_more_room(file_size, server, folder):
    pytest.importorskip("resource", reason="limits on the size of files are a POSIX matter")
    assert 500 < len(PACKED[f"{IMAGES}.gz"]) < 10_000 < len(RAW[IMAGES])
    process, pipe = in_process(server.mirror("good"), str(folder), file_size=file_size)
    message = pipe.recv()
    process.join()
    assert_sentence(message)
    assert "File too large" in message
    assert contents(folder) == {}
    assert not list(folder.glob(".mnist-*"))


@pytest.mark.thorough
def test_full_disk(server, tmp_path):
    """A file system of 32 kB, on which the packed files fit and the unpacked ones do not."""
    try:
        subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", tmp_path], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs Linux with user namespaces, to mount a small file system")
    code = "import test_data, multiprocessing, sys; ours, theirs = multiprocessing.Pipe()\n"
    code += "test_data.load_in_process(*sys.argv[1:], theirs); print(ours.recv())\n"
    code += "print(sorted(path.name for path in test_data.Path(sys.argv[2]).rglob('*')))"
    mount = 'mount -t tmpfs -o size=32k none "$0" && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", mount, tmp_path]
    command += [sys.executable, "-c", code, server.mirror("good"), tmp_path]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    message, left = done.stdout.splitlines()
    assert_sentence(message)
    assert "No space left on device" in message
    assert left == "[]"


# ---------------------------------------------------------------- what the reader sees


def test_an_error_is_one_line_in_ipython(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # the shell puts its own there
    monkeypatch.setenv("COURSE_DATA", "embedded")
    shell = InteractiveShell()
    shell.history_manager.enabled = False
    result = shell.run_cell("from course_utils.data import load_images\nload_images('cifar10')")
    assert isinstance(result.error_in_exec, DataError)
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.strip() == f"DataError: {result.error_in_exec}"
    assert len(shown.out.strip().splitlines()) == 1
    # The check is only worth something if the same shell does print a traceback for another error.
    shell.run_cell("1 / 0")
    assert "Traceback" in capsys.readouterr().out


# ---------------------------------------------------------------- batches

sizes = st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))
seeds = st.integers(0, 2**32 - 1)


def numbers(n: int) -> torch.Tensor:
    """n images, each of which is only its own number."""
    return torch.arange(n, dtype=torch.float32).view(n, 1, 1, 1)


@given(sizes, seeds)
def test_one_pass_shows_every_image_once(n_and_size, seed):
    n, size = n_and_size
    all_batches = list(batches(numbers(n), size, seed=seed))
    assert {tuple(batch.shape) for batch in all_batches} == {(size, 1, 1, 1)}
    seen = torch.cat(all_batches).flatten().tolist()
    assert len(seen) == len(set(seen)) == n // size * size
    assert set(seen) <= set(range(n))


@given(sizes, seeds, st.integers(0, 30), st.integers(0, 30))
def test_a_resumed_stream_is_the_tail_of_the_whole(n_and_size, seed, steps, start):
    n, size = n_and_size
    whole = list(batches(numbers(n), size, steps=steps, seed=seed))
    assert len(whole) == steps
    tail = list(batches(numbers(n), size, steps=steps, start=start, seed=seed))
    assert len(tail) == max(steps - start, 0)
    assert all(torch.equal(a, b) for a, b in zip(whole[start:], tail, strict=True))


@given(sizes, seeds)
def test_labels_stay_with_their_images(n_and_size, seed):
    n, size = n_and_size
    pairs = list(batches(numbers(n), size, labels=7 * torch.arange(n), steps=9, seed=seed))
    assert len(pairs) == 9
    assert all(torch.equal(7 * x.flatten().long(), y) for x, y in pairs)
    images = list(batches(numbers(n), size, steps=9, seed=seed))
    assert all(torch.equal(x, image) for (x, _), image in zip(pairs, images, strict=True))


@given(st.lists(seeds, min_size=2, max_size=2, unique=True))
def test_the_order_depends_on_the_seed_and_the_pass(two):
    def order(seed):
        return torch.cat(list(batches(numbers(50), 10, steps=10, seed=seed))).flatten()

    one, other = map(order, two)
    assert torch.equal(one, order(two[0]))
    assert not torch.equal(one, other)  # 100! orders: never by chance
    assert not torch.equal(one[:50], one[50:])
    assert not torch.equal(one[:50], torch.arange(50.0))


def test_the_global_random_state_does_not_matter():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = torch.cat(list(batches(numbers(50), 10)))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(torch.cat(list(batches(numbers(50), 10))), one)


@given(st.integers(0, 20), st.integers(-3, 40).filter(bool))
def test_a_batch_that_does_not_fit(n, size):
    if 1 <= size <= n:
        assert next(batches(numbers(n), size)).shape[0] == size
    else:
        with pytest.raises(ValueError, match="does not fit"):
            next(batches(numbers(n), size))


# ---------------------------------------------------------------- the embedded digits


@pytest.fixture(scope="module")
def digits():
    return offline.embedded_digits()


def test_embedded_digits_are_named_and_well_formed(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_DATA", "embedded")
    images = load_images()
    assert images.source == "embedded"
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert images.train.shape == (14370, 1, 28, 28)
    assert images.test.shape == (3600, 1, 28, 28)
    for part, labels in ((images.train, images.train_labels), (images.test, images.test_labels)):
        assert part.dtype == torch.float32
        assert labels.dtype == torch.int64
        assert labels.shape == part.shape[:1]
        assert 0 <= part.min() < 0.01
        assert 0.99 < part.max() <= 1
        assert sorted(labels.unique().tolist()) == list(range(10))
        # Empty paper with some ink, as in MNIST (whose mean is 0.13).
        assert 0.08 < part.mean() < 0.25
        assert part[:, :, 0].max() < 0.05  # the digit does not touch the frame


def test_embedded_digits_do_not_depend_on_the_seed(digits):
    torch.manual_seed(123)
    assert all(torch.equal(a, b) for a, b in zip(offline.embedded_digits(), digits, strict=True))


def test_no_test_scan_is_among_the_training_scans(monkeypatch):
    # Without the jitter every copy shows its scan, so that copies can be recognised. All 1 797 scans differ.
    monkeypatch.setattr(offline, "_jitter", lambda images, generator: images)
    train, _, test, _ = offline.embedded_digits()
    train, test = ({image.numpy().tobytes() for image in part} for part in (train, test))
    assert len(train) == 1437
    assert len(test) == 360
    assert not train & test


def test_embedded_labels_fit_their_images(digits):
    train, train_labels, test, test_labels = (part.flatten(1) if part.ndim > 1 else part for part in digits)
    model = KNeighborsClassifier(3).fit(train[:3000].numpy(), train_labels[:3000].numpy())
    assert model.score(test[:1000].numpy(), test_labels[:1000].numpy()) > 0.9
    assert model.score(test[:1000].numpy(), test_labels[:1000].roll(1).numpy()) < 0.5  # … and to no others


def test_copies_of_a_scan_differ(digits):
    train = digits[0]
    copies = train[torch.arange(offline.COPIES) * (len(train) // offline.COPIES)]
    assert len({copy.numpy().tobytes() for copy in copies}) == offline.COPIES
    # … yet they are one digit: nearer to each other than to other scans, on average.
    within = torch.cdist(copies.flatten(1), copies.flatten(1)).mean()
    across = torch.cdist(copies.flatten(1), train[1:200].flatten(1)).mean()
    assert within < across


def test_true_checksums_are_those_of_torchvision():
    """The files named here are those that torchvision makes, for all three data sets."""
    for name in ("mnist", "fashion_mnist"):
        source = download.SOURCES[name]
        assert {f"{file}.gz" for file in source.files} == {file for file, _ in source.dataset.resources}
        assert all(mirror.startswith("http") and mirror.endswith("/") for mirror in source.mirrors)
        assert len(source.mirrors) > 1
    assert None not in download.SOURCES["cifar10"].files.values()
