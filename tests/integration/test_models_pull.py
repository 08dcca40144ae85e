"""Bringing weights: from a folder, a mirror or the public source, resumed, verified, whole or not at all."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest

from pipeline.errors import OperatorError
from pipeline.inference import ModelEntry, builtin_catalog
from pipeline.inference.pulling import Place, Puller
from pipeline.inference.weights import State, state_of
from tests.integration.local_servers import Behaviour, Exchange, LocalServer, answers, response, serving
from tests.integration.model_files import originals_of

SUPERRES = "superres/waifu2x_upconv7_photo/upconv7_photo_scale2.0x.onnx"


def an_entry(name: str) -> ModelEntry:
    return builtin_catalog().entry(name)


def from_folder(folder: Path) -> Behaviour:
    """A mirror of the folder that understands Range."""

    def answer(exchange: Exchange) -> None:
        path = folder / unquote(exchange.request.path).lstrip("/")
        if not path.is_file():
            exchange.send(response(b"nothing here", status=404))
            return
        data, wanted = path.read_bytes(), exchange.request.headers.get("range")
        if wanted is None:
            exchange.send(response(data))
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(data):
            exchange.send(response(status=416))
            return
        exchange.send(response(data[start:], f"Content-Range: bytes {start}-{len(data) - 1}/{len(data)}", status=206))

    return answer


def breaking_off_first(folder: Path, after: int) -> Behaviour:
    """The first answer ends after so many bytes of the file, whatever its length says."""
    whole = from_folder(folder)

    def answer(exchange: Exchange) -> None:
        if exchange.number > 1:
            whole(exchange)
            return
        data = (folder / unquote(exchange.request.path).lstrip("/")).read_bytes()
        exchange.send(response(data)[: after - len(data)])
        exchange.connection.shutdown(socket.SHUT_RDWR)

    return answer


def ranges(server: LocalServer) -> list[str | None]:
    return [request.headers.get("range") for request in server.requests]


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.suffix in (".part", ".new", ".unchecked")]


@pytest.mark.parametrize("name", [entry.name for entry in builtin_catalog()])
def test_every_model_comes_from_an_air_gapped_folder(shared: Path, tmp_path: Path, name: str) -> None:
    entry = an_entry(name)
    pulled = Puller(tmp_path, Place.of(str(shared / "models"))).pull(entry)
    assert pulled.how == ("onnx" if entry.network else "original")
    assert state_of(entry, tmp_path) is State.VERIFIED
    assert leftovers(tmp_path) == []
    assert Puller(tmp_path).pull(entry).how == "present"


@pytest.mark.parametrize("name", ["face_attributes", "nudity", "objects", "superres"])
def test_originals_from_a_folder_are_converted(shared: Path, tmp_path: Path, name: str) -> None:
    entry = an_entry(name)
    originals_of(entry, shared / "models", tmp_path / "from")
    assert Puller(tmp_path / "to", Place.of(str(tmp_path / "from"))).pull(entry).how == "converted"
    assert state_of(entry, tmp_path / "to") is State.VERIFIED


def test_a_flat_folder_will_do(shared: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    shutil.copyfile(shared / "models" / SUPERRES, flat / Path(SUPERRES).name)
    assert Puller(tmp_path / "to", Place.of(str(flat))).pull(an_entry("superres")).how == "onnx"


def test_a_file_that_was_saved_again_elsewhere_is_known_by_what_it_computes(shared: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(str(shared / "models" / SUPERRES))
    model.doc_string = "saved by somebody else"
    (tmp_path / "from" / SUPERRES).parent.mkdir(parents=True)
    onnx.save(model, str(tmp_path / "from" / SUPERRES))
    Puller(tmp_path / "to", Place.of(str(tmp_path / "from"))).pull(an_entry("superres"))
    assert state_of(an_entry("superres"), tmp_path / "to") is State.VERIFIED


@pytest.mark.parametrize("name", ["objects", "face_detection"])
def test_the_public_source_is_the_file_at_the_commit(shared: Path, tmp_path: Path, name: str) -> None:
    entry = an_entry(name)
    assert entry.source is not None
    for original in entry.source.files:
        path = tmp_path / "public" / entry.source.repository / entry.source.commit / original.path
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shared / "models" / original.name, path)
    told: list[tuple[str, int, int | None]] = []
    with serving(from_folder(tmp_path / "public")) as server:
        puller = Puller(
            tmp_path / "to", told=lambda *progress: told.append(progress), public_host=server.url("").rstrip("/")
        )
        puller.pull(entry)
    assert state_of(entry, tmp_path / "to") is State.VERIFIED
    last = {file: (done, total) for file, done, total in told}
    assert all(done == total for done, total in last.values()) and len(last) == len(entry.source.files)


def test_a_transfer_that_broke_off_goes_on_where_it_stopped(shared: Path, tmp_path: Path) -> None:
    with serving(breaking_off_first(shared / "models", after=700_000)) as server:
        puller = Puller(tmp_path, Place.of(server.url("")))
        with pytest.raises(OperatorError, match="run the command again"):
            puller.pull(an_entry("superres"))
        assert not (tmp_path / SUPERRES).exists()
        (part,) = tmp_path.rglob("*.part")
        there = part.stat().st_size
        puller.pull(an_entry("superres"))
        assert ranges(server) == [None, f"bytes={there}-"]
    assert 0 < there <= 700_000
    assert state_of(an_entry("superres"), tmp_path) is State.VERIFIED
    assert leftovers(tmp_path) == []


def test_a_server_that_knows_no_range_is_read_from_the_start(shared: Path, tmp_path: Path) -> None:
    data = (shared / "models" / SUPERRES).read_bytes()
    part = tmp_path / f"{SUPERRES}.unchecked.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"something else")
    with serving(lambda exchange: exchange.send(response(data))) as server:
        Puller(tmp_path, Place.of(server.url(""))).pull(an_entry("superres"))
    assert state_of(an_entry("superres"), tmp_path) is State.VERIFIED


def test_what_was_all_there_but_not_yet_renamed_is_taken(shared: Path, tmp_path: Path) -> None:
    part = tmp_path / f"{SUPERRES}.unchecked.part"
    part.parent.mkdir(parents=True)
    shutil.copyfile(shared / "models" / SUPERRES, part)
    with serving(from_folder(shared / "models")) as server:
        Puller(tmp_path, Place.of(server.url(""))).pull(an_entry("superres"))
    assert state_of(an_entry("superres"), tmp_path) is State.VERIFIED


def flipped(data: bytes) -> bytes:
    return data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]


@pytest.mark.parametrize(
    "change", [flipped, lambda data: data[:-1], lambda data: b"<html>"], ids=["bit", "cut", "page"]
)
def test_an_original_with_other_content_is_refused_and_thrown_away(
    shared: Path, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    entry = an_entry("objects")
    originals_of(entry, shared / "models", tmp_path / "from")
    weights = tmp_path / "from" / "object/nanodet_plus_m_416/nanodet-plus-coco-416.bin"
    weights.write_bytes(change(weights.read_bytes()))
    with pytest.raises(OperatorError, match=r"nanodet-plus-coco-416\.bin is not the file .* sha256"):
        Puller(tmp_path / "to", Place.of(str(tmp_path / "from"))).pull(entry)
    assert state_of(entry, tmp_path / "to") is State.MISSING
    assert leftovers(tmp_path / "to") == []


@pytest.mark.parametrize("change", [flipped, lambda data: b"<html>"], ids=["bit", "page"])
def test_an_onnx_form_with_other_content_is_refused_and_thrown_away(
    shared: Path, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "from" / SUPERRES).parent.mkdir(parents=True)
    (tmp_path / "from" / SUPERRES).write_bytes(change((shared / "models" / SUPERRES).read_bytes()))
    with pytest.raises(OperatorError, match="is not the model superres"):
        Puller(tmp_path / "to", Place.of(str(tmp_path / "from"))).pull(an_entry("superres"))
    assert [path for path in (tmp_path / "to").rglob("*") if path.is_file()] == []


def test_a_place_without_the_file_says_which_it_looked_for(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    with pytest.raises(OperatorError, match=r"has neither superres/.*scale2\.0x\.param nor the ONNX form"):
        Puller(tmp_path / "to", Place.of(str(tmp_path / "from"))).pull(an_entry("superres"))


def test_a_checkpoint_of_pytorch_is_never_fetched_for_nothing(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"Only its ONNX form can be pulled.*--from"):
        Puller(tmp_path, public_host="http://127.0.0.1:9").pull(an_entry("lowlight"))


def test_a_server_that_fails_is_named_with_its_answer(tmp_path: Path) -> None:
    busy = response(b"busy", status=503)
    with serving(answers(busy)) as server, pytest.raises(OperatorError, match="answered 503"):
        Puller(tmp_path, Place.of(server.url(""))).pull(an_entry("superres"))


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"http://127\.0\.0\.1:9/.* could not be fetched"):
        Puller(tmp_path, Place.of("http://127.0.0.1:9")).pull(an_entry("superres"))


def test_a_place_that_is_no_place_is_refused() -> None:
    with pytest.raises(OperatorError, match="there is no such folder"):
        Place.of("/nowhere/at/all")


def test_a_folder_that_cannot_be_made_is_named(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OperatorError, match="DARKROOM_MODELS"):
        Puller(tmp_path / "file", Place.of(str(shared / "models"))).pull(an_entry("superres"))
