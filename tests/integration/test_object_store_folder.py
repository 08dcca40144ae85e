"""A folder as the object store: plain files, and disks that are full or read-only."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.adapters.object_store import from_url
from pipeline.errors import OperatorError, StoreUnavailable
from tests.integration.object_stores import DATA, KEY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a store"


def test_a_copy_in_a_folder_is_as_young_as_its_making(tmp_path: Path) -> None:
    store = from_url(tmp_path.as_uri())
    store.put("work/a", b"a picture", media_type="image/jpeg")
    os.utime(tmp_path / "work" / "a", (0, 0))
    store.copy("work/a", "public/a")
    assert store.head("public/a").modified_at.year > 1970, "the sweeper must not take it for an old one"


def test_a_folder_in_a_path_with_spaces_holds_plain_files(folder: Path) -> None:
    store = from_url(folder.as_uri())
    store.put(KEY, DATA, media_type="image/jpeg")
    assert (folder / KEY).read_bytes() == DATA
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["1-abc.jpg"]
    store.delete([KEY])
    assert list(folder.iterdir()) == []


def test_a_folder_has_no_urls_of_its_own(folder: Path) -> None:
    assert from_url(folder.as_uri()).signed_url(KEY, expires_in_s=60) is None


def test_a_folder_that_became_unusable_is_the_stores_trouble(folder: Path) -> None:
    store = from_url(folder.as_uri())
    (folder / "public").write_bytes(b"a file where a folder should be")
    with pytest.raises(StoreUnavailable):
        store.put(KEY, DATA, media_type="image/jpeg")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, where this user may mount one."""
    mount, point = shutil.which("mount"), tmp_path / "disk"
    point.mkdir()
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", str(point)]
    if os.geteuid() != 0 or mount is None or subprocess.run([mount, *options], check=False).returncode != 0:
        pytest.skip("no file system of its own can be mounted here: run as root")
    yield point
    subprocess.run(["umount", str(point)], check=True)


def test_a_full_disk_is_the_stores_trouble_and_leaves_nothing_behind(small_disk: Path) -> None:
    store = from_url(small_disk.as_uri())
    with pytest.raises(StoreUnavailable):
        store.put(KEY, DATA * 2, media_type="image/jpeg")
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []
    store.put(KEY, b"small", media_type="image/jpeg")
    assert store.get(KEY) == b"small"


def test_a_read_only_disk_is_the_stores_trouble(small_disk: Path) -> None:
    store = from_url(small_disk.as_uri())
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreUnavailable):
        store.put(KEY, b"small", media_type="image/jpeg")


@pytest.mark.parametrize(
    "url", ["", "/a/folder", "http://example.com/", "ftp://example.com/a", "file://host/a", "s3://"]
)
def test_a_setting_that_names_no_store_is_refused_in_words(url: str) -> None:
    with pytest.raises(OperatorError, match="object store"):
        from_url(url)
