"""Settings: every variable is documented, read once, and refused in words that lead on."""

import dataclasses
from pathlib import Path

import pytest

from pipeline.adapters.object_store import REMOTE_SCHEMES
from pipeline.errors import OperatorError
from pipeline.setting_values import STORE_SCHEMES
from pipeline.settings import SETTINGS, Settings, as_markdown, key_file

REPOSITORY = Path(__file__).resolve().parents[2]
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def settings(tmp_path: Path, **environ: str) -> Settings:
    return Settings.from_environment({"DARKROOM_DATA": str(tmp_path), **environ})


def test_each_field_is_one_documented_variable() -> None:
    fields = [field.name for field in dataclasses.fields(Settings)]
    assert sorted(fields) == sorted(setting.field for setting in SETTINGS)


def test_each_variable_has_a_sentence() -> None:
    assert all(setting.sentence.endswith(".") for setting in SETTINGS)


def test_the_page_in_the_documents_is_the_generated_one() -> None:
    assert (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8") == as_markdown()


def test_an_empty_environment_gives_the_defaults(tmp_path: Path) -> None:
    default = settings(tmp_path)
    assert (default.lease_s, default.max_items, default.max_bytes) == (30.0, 800, 15 * 1024 * 1024)
    assert default.database_url is None
    assert default.secret_key is None


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path) -> None:
    assert settings(tmp_path, DARKROOM_MAX_ITEMS=" ") == settings(tmp_path)


def test_the_store_is_a_folder_of_the_data_folder_unless_told_otherwise(tmp_path: Path) -> None:
    folder = tmp_path / "a b #1"
    assert settings(folder).store_url == f"file://{tmp_path}/a%20b%20%231/objects"
    assert settings(folder, DARKROOM_STORE_URL="s3://pictures/x").store_url == "s3://pictures/x"


def test_the_schemes_of_stores_are_those_that_can_be_opened() -> None:
    assert set(STORE_SCHEMES) == {"file", *REMOTE_SCHEMES}


@pytest.mark.parametrize("seconds", ["1", "30"])
def test_a_receiver_of_webhooks_may_take_up_to_half_a_minute(tmp_path: Path, seconds: str) -> None:
    assert settings(tmp_path, DARKROOM_WEBHOOK_TIMEOUT_S=seconds).webhook_timeout_s == float(seconds)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_a_database_url_always_names_the_driver_that_is_installed(tmp_path: Path, scheme: str) -> None:
    url = settings(tmp_path, DARKROOM_DATABASE_URL=f"{scheme}://me:secret@db:5433/darkroom").database_url
    assert url == "postgresql+psycopg2://me:secret@db:5433/darkroom"


@pytest.mark.parametrize(("ledger", "dagster"), [("darkroom", "dagster"), ("prints", "prints_dagster")])
def test_dagster_has_a_database_of_its_own_on_the_same_server(tmp_path: Path, ledger: str, dagster: str) -> None:
    url = settings(tmp_path, DARKROOM_DATABASE_URL=f"postgresql://db/{ledger}?sslmode=require").dagster_database_url
    assert url == f"postgresql+psycopg2://db/{dagster}?sslmode=require"


def test_dagster_is_not_let_into_the_ledgers_database(tmp_path: Path) -> None:
    url = "postgresql://db/darkroom"
    with pytest.raises(OperatorError, match="second database"):
        settings(tmp_path, DARKROOM_DATABASE_URL=url, DARKROOM_DAGSTER_DATABASE_URL=url)


def test_allowed_sources_are_literal_addresses(tmp_path: Path) -> None:
    allowed = settings(tmp_path, DARKROOM_SOURCE_ALLOW="127.0.0.1:8123, [::1]:80,[0:0::2]:443,").source_allow
    assert allowed == {("127.0.0.1", 8123), ("::1", 80), ("::2", 443)}


def test_own_ports_include_those_that_the_urls_name_on_this_machine(tmp_path: Path) -> None:
    ports = settings(
        tmp_path,
        DARKROOM_OWN_PORTS="18400,18401",
        DARKROOM_API_URL="https://pictures.example.com",
        DARKROOM_DAGSTER_URL="http://localhost:3000",
        DARKROOM_DATABASE_URL="postgresql://127.0.0.1/darkroom",
    ).own_ports
    assert ports == {18400, 18401, 3000, 5432}


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("DARKROOM_LEASE_S", "soon", "a number of seconds above 0"),
        ("DARKROOM_LEASE_S", "inf", "a number of seconds above 0"),
        ("DARKROOM_MAX_ITEMS", "0", "a whole number of at least 1"),
        ("DARKROOM_THREADS", "-2", "a whole number of at least 1"),
        ("DARKROOM_CDN_URL", "cdn.example.com", "an address such as https://"),
        ("DARKROOM_STORE_URL", "/var/objects", "a URL such as file:///"),
        ("DARKROOM_STORE_URL", "ftp://x", "a URL such as file:///"),
        ("DARKROOM_STORE_URL", "file://var/objects", "a URL such as file:///"),
        ("DARKROOM_STORE_URL", "s3:///prefix", "a URL such as file:///"),
        ("DARKROOM_WEBHOOK_TIMEOUT_S", "0.5", "a number of seconds from 1 to 30"),
        ("DARKROOM_WEBHOOK_TIMEOUT_S", "30.1", "a number of seconds from 1 to 30"),
        ("DARKROOM_WEBHOOK_TIMEOUT_S", "nan", "a number of seconds from 1 to 30"),
        ("DARKROOM_WEBHOOK_TIMEOUT_S", "soon", "a number of seconds from 1 to 30"),
        ("DARKROOM_SOURCE_ALLOW", "localhost:80", "'localhost:80' is not a literal address:port"),
        ("DARKROOM_SOURCE_ALLOW", "127.0.0.1", "'127.0.0.1' is not a literal address:port"),
        ("DARKROOM_OWN_PORTS", "http", "port numbers"),
        ("DARKROOM_LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("DARKROOM_OCR", "easyocr", "rapidocr, tesseract"),
        ("DARKROOM_OCR", "rapidocr:eng", "rapidocr, tesseract"),
        ("DARKROOM_OCR", "tesseract:", "tesseract with its languages"),
        ("DARKROOM_OCR", "tesseract:eng deu", "tesseract with its languages"),
        ("DARKROOM_OCR", "tesseract:../eng", "tesseract with its languages"),
        ("DARKROOM_API_KEY_HEADER", "X Key", "the name of a header"),
        ("DARKROOM_API_KEY_HEADER", "X-Key:", "the name of a header"),
        ("DARKROOM_API_KEY_HEADER", "X" * 65, "the name of a header"),
        ("DARKROOM_WEBHOOK_SIGNATURE", "base64", "hex or sha256=hex"),
        ("DARKROOM_WEBHOOK_SIGNATURE", "sha256=", "hex or sha256=hex"),
        ("DARKROOM_BIOMETRICS_DAYS", "0", "a whole number of at least 1"),
        ("DARKROOM_BIOMETRICS_DAYS", "1.5", "a whole number of at least 1"),
        ("DARKROOM_ANALYSIS_IMAGES", "-1", "a whole number of at least 1"),
        ("DARKROOM_VIDEO_MAX_BYTES", "2 GiB", "a whole number of at least 1"),
        ("DARKROOM_VIDEO_MAX_S", "0", "a number of seconds above 0"),
        ("DARKROOM_VIDEO_MEMORY_MB", "lots", "a whole number of at least 1"),
        ("DARKROOM_MODELS_MB", "0", "a whole number of at least 1"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_the_way_out(
    tmp_path: Path, name: str, value: str, advice: str
) -> None:
    with pytest.raises(OperatorError) as refusal:
        settings(tmp_path, **{name: value})
    assert refusal.value.message.startswith(f"{name} cannot be used ({value!r})")
    assert advice in refusal.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [("DARKROOM_SECRET_KEY", "hunter2"), ("DARKROOM_DATABASE_URL", "mysql://me:hunter2@db/darkroom")],
)
def test_a_refusal_never_shows_a_secret(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(OperatorError, match=name) as refusal:
        settings(tmp_path, **{name: value})
    assert "hunter2" not in refusal.value.message


def test_settings_never_print_their_secrets(tmp_path: Path) -> None:
    shown = repr(
        settings(tmp_path, DARKROOM_SECRET_KEY=KEY, DARKROOM_DATABASE_URL="postgresql://me:hunter2@db/darkroom")
    )
    assert KEY not in shown
    assert "hunter2" not in shown


def test_a_heartbeat_must_fit_into_the_lease_twice(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="DARKROOM_HEARTBEAT_S is 5, over half of DARKROOM_LEASE_S"):
        settings(tmp_path, DARKROOM_LEASE_S="8")


def test_the_key_that_first_run_left_in_the_data_folder_is_read(tmp_path: Path) -> None:
    key_file(tmp_path).write_text(KEY + "\n")
    assert settings(tmp_path).required_secret_key() == KEY


def test_a_damaged_key_file_is_named(tmp_path: Path) -> None:
    key_file(tmp_path).write_text("half a k")
    with pytest.raises(OperatorError, match=r"secret\.key cannot be used"):
        settings(tmp_path)


@pytest.mark.parametrize("name", ["a file", "a file/deeper"])
def test_a_data_folder_that_is_a_file_is_called_one(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(OperatorError, match=r"The data folder .* is a file\. Name a folder with --data"):
        settings(tmp_path / name)


def test_what_is_missing_is_said_when_it_is_needed(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="start one with `darkroom up`"):
        settings(tmp_path).required_database_url()
    with pytest.raises(OperatorError, match="`darkroom up` makes it"):
        settings(tmp_path).required_secret_key()
