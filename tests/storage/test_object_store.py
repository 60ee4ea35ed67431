"""Shards in a bucket: moto's S3 server on loopback, written and read through s3fs."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sirstgen.errors import GenerationError, InputError, InvalidValueError, OutputExistsError
from sirstgen.storage.place import RemotePlace, open_place, read
from sirstgen.storage.shard_writer import finish_shards, write_shards
from sirstgen.synthesis.generator import Generator

COUNT, SIZE = 6, 3

s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
server = pytest.importorskip("moto.server", reason="moto's server is not installed")


class Gate:
    """A relay on loopback before the store; drops up to `drops` connections when they have sent `limit` bytes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.limit, self.drops, self.dropped = 0, 0, 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", self._port))
            for pair in ((client, upstream, True), (upstream, client, False)):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, sends: bool) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            while data := source.recv(16384):
                sent += len(data)
                if sends and sent > self.limit and self.drops > 0:
                    self.drops -= 1
                    self.dropped += 1
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def dropping(self, limit: int, drops: int = 10**6) -> Iterator[None]:
        self.limit, self.drops, self.dropped = limit, drops, 0
        yield
        assert self.dropped
        self.drops = 0

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    """A store with the bucket ``data``, reached through a gate."""
    store = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    store.start()
    through = Gate(store.get_host_and_port()[1])
    settings = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{through.port}",
        "AWS_MAX_ATTEMPTS": "1",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    s3fs.S3FileSystem.clear_instance_cache()
    system().mkdir("data")
    yield through
    through.close()
    store.stop()
    s3fs.S3FileSystem.clear_instance_cache()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


def system() -> Any:
    found = s3fs.S3FileSystem()
    found.invalidate_cache()
    return found


def content(where: str) -> dict[str, bytes]:
    """Every object below ``s3://where`` by name."""
    store = system()
    return {name.removeprefix(f"{where}/"): store.cat_file(name) for name in store.find(where)}


def test_a_bucket_holds_what_a_folder_would(small_generator: Generator, gate: Gate, tmp_path: Path) -> None:
    write_shards(small_generator, tmp_path / "set", COUNT, SIZE)
    local = {p.relative_to(tmp_path / "set").as_posix(): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert write_shards(small_generator, "s3://data/a/set", COUNT, SIZE, shards=[1]) is None
    with pytest.raises(GenerationError, match=r"1 of 2 shards are missing \(0\)"):
        finish_shards("s3://data/a/set")
    with pytest.raises(OutputExistsError, match="holds an interrupted run"):
        write_shards(small_generator, "s3://data/a/set", COUNT, SIZE)
    write_shards(small_generator, "s3://data/a/set", COUNT, SIZE, resume=True)
    assert content("data/a/set") == local
    write_shards(small_generator, "s3://data/a/set", COUNT, SIZE, overwrite=True)
    assert content("data/a/set") == local


def test_a_connection_that_drops_while_sending_is_tried_again(small_generator: Generator, gate: Gate) -> None:
    with gate.dropping(20_000, drops=1):
        assert write_shards(small_generator, "s3://data/b/set", COUNT, SIZE) is not None
    assert system().find("data/b/set/.run") == []


@pytest.mark.slow
def test_a_store_that_stays_away_is_told_and_resume_goes_on(small_generator: Generator, gate: Gate) -> None:
    write_shards(small_generator, "s3://data/whole/set", COUNT, SIZE)
    message = r"s3://data/c/set/.*cannot be reached .*--resume continues"
    with gate.dropping(20_000), pytest.raises(GenerationError, match=message):
        write_shards(small_generator, "s3://data/c/set", COUNT, SIZE)
    there = {name: data for name, data in content("data/c/set").items() if not name.startswith(".run/")}
    assert "shards/train-000000.tar" not in there
    assert there.items() <= content("data/whole/set").items()
    write_shards(small_generator, "s3://data/c/set", COUNT, SIZE, resume=True)
    assert content("data/c/set") == content("data/whole/set")


@pytest.mark.slow
def test_an_upload_in_parts_that_fails_is_taken_back(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    place = open_place("s3://data/parts/set")
    assert isinstance(place, RemotePlace)
    whole = place._system.put_file
    monkeypatch.setattr(place._system, "put_file", lambda *paths: whole(*paths, chunksize=5 << 20))
    with (
        gate.dropping(1 << 20),
        pytest.raises(GenerationError, match="cannot be reached"),
        place.new_file("big.tar") as file,
    ):
        file.write(bytes(16 << 20))
    assert system().call_s3("list_multipart_uploads", Bucket="data").get("Uploads", []) == []
    assert place.size("big.tar") is None
    with place.new_file("big.tar") as file:
        file.write(bytes(16 << 20))
    assert place.size("big.tar") == 16 << 20
    assert read(place, "nothing") is None


def test_what_is_wrong_with_a_place_is_one_line(
    small_generator: Generator, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(error: type[Exception], message: str, where: str) -> None:
        with pytest.raises(error, match=message):
            write_shards(small_generator, where, COUNT, SIZE)

    refused(InputError, "s3://none/set.*there is no such bucket; make it first", "s3://none/set")
    refused(InvalidValueError, "unknown scheme nowhere://", "nowhere://data/set")
    refused(InvalidValueError, r"gs:// needs a package that is not installed; install gcsfs", "gs://data/set")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nonexistent")
    s3fs.S3FileSystem.clear_instance_cache()
    refused(InputError, "there are no credentials", "s3://data/set")
    s3fs.S3FileSystem.clear_instance_cache()
