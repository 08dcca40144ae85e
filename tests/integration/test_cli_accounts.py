"""The commands about accounts and their tokens: what is accepted, shown and revoked."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from pipeline.errors import InvalidRequest, Unauthenticated
from pipeline.services.accounts import authenticate, create_account, create_token, list_accounts
from pipeline.services.line import Ledger
from pipeline.store.accounts import TokenRow
from tests.integration.command_line import CommandLine, command_line

darkroom = pytest.fixture(command_line)


def opens(ledger: Ledger, token: str) -> bool:
    try:
        authenticate(ledger, token)
    except Unauthenticated:
        return False
    return True


def row_of(ledger: Ledger, token: str) -> TokenRow:
    with ledger.database.session() as session:
        return session.scalars(select(TokenRow).where(TokenRow.prefix == token[:8])).one()


def expire(ledger: Ledger, token: str) -> None:
    with ledger.database.session() as session:
        row = session.scalars(select(TokenRow).where(TokenRow.prefix == token[:8])).one()
        row.expires_at = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def tokens(ledger: Ledger) -> list[str]:
    """Three tokens of the account "studio"."""
    create_account(ledger, "studio")
    return [create_token(ledger, "studio") for _ in range(3)]


def test_tokens_are_listed_without_what_they_open(darkroom: CommandLine, ledger: Ledger, tokens: list[str]) -> None:
    listed = darkroom.json("tokens", "list", "studio")
    assert [each["prefix"] for each in listed] == [token[:8] for token in tokens]
    assert all(set(each) == {"prefix", "created_at", "expires_at", "revoked_at"} for each in listed)
    assert {each["revoked_at"] for each in listed} == {None}
    code, out, _ = darkroom.run("tokens", "list", "studio")
    assert code == 0 and all(token[:8] in out and token not in out for token in tokens)


def test_an_account_without_tokens_says_how_to_make_one(darkroom: CommandLine) -> None:
    darkroom.json("accounts", "create", "studio")
    assert darkroom.json("tokens", "list", "studio") == []
    assert "darkroom tokens create studio" in darkroom.run("tokens", "list", "studio")[1]
    code, _, err = darkroom.run("tokens", "list", "nobody")
    assert code == 1 and "There is no account named 'nobody'" in err


def test_a_prefix_revokes_the_token_that_begins_so(darkroom: CommandLine, ledger: Ledger, tokens: list[str]) -> None:
    assert darkroom.json("tokens", "revoke", "studio", "--prefix", tokens[1][:8]) == {"revoked": 1}
    assert [opens(ledger, token) for token in tokens] == [True, False, True]
    revoked = [each["revoked_at"] is not None for each in darkroom.json("tokens", "list", "studio")]
    assert revoked == [False, True, False]
    assert darkroom.json("tokens", "revoke", "studio", "--prefix", tokens[1][:8]) == {"revoked": 0}


def test_a_whole_token_revokes_itself_and_not_its_like(
    darkroom: CommandLine, ledger: Ledger, tokens: list[str]
) -> None:
    with ledger.database.session() as session:
        for row in session.scalars(select(TokenRow)):
            row.prefix = tokens[0][:8]
    assert darkroom.json("tokens", "revoke", "studio", "--prefix", tokens[0]) == {"revoked": 1}
    assert [opens(ledger, token) for token in tokens] == [False, True, True]


def test_more_of_a_token_than_is_known_revokes_nothing(
    darkroom: CommandLine, ledger: Ledger, tokens: list[str]
) -> None:
    code, _, err = darkroom.run("tokens", "revoke", "studio", "--prefix", tokens[0][:12])
    assert code == 1 and "a prefix has at most 8 characters" in err and "darkroom tokens list studio" in err
    assert all(opens(ledger, token) for token in tokens)


def test_nobody_revokes_anothers_token(darkroom: CommandLine, ledger: Ledger, tokens: list[str]) -> None:
    darkroom.json("accounts", "create", "rival")
    assert darkroom.json("tokens", "revoke", "rival", "--prefix", tokens[0][:8]) == {"revoked": 0}
    assert darkroom.run("tokens", "revoke", "rival", "--prefix", tokens[0])[0] == 1
    assert all(opens(ledger, token) for token in tokens)


def test_only_tokens_that_were_valid_until_now_are_counted(
    darkroom: CommandLine, ledger: Ledger, tokens: list[str]
) -> None:
    expire(ledger, tokens[0])
    code, out, _ = darkroom.run("tokens", "revoke", "studio", "--prefix", "")
    assert (code, out) == (0, "2 tokens are refused from now on.\n")
    assert not any(opens(ledger, token) for token in tokens)
    assert row_of(ledger, tokens[0]).revoked_at is None


def test_a_percent_sign_is_no_wildcard(darkroom: CommandLine, ledger: Ledger, tokens: list[str]) -> None:
    assert darkroom.json("tokens", "revoke", "studio", "--prefix", "dk%") == {"revoked": 0}


@pytest.mark.parametrize(
    "name",
    ["", "   ", " studio", "studio ", "two\nlines", "red\x1b[31m", "bell\a", "n" * 101, "turned \u202e", "half \ud800"],
    ids=["empty", "spaces", "before", "after", "lines", "escape", "bell", "long", "turned", "half"],
)
def test_what_is_no_name_makes_no_account(ledger: Ledger, name: str) -> None:
    with pytest.raises(InvalidRequest, match="1 to 100 printable characters"):
        create_account(ledger, name)
    assert list_accounts(ledger) == []


@pytest.mark.parametrize("name", ["a", "n" * 100, "Foto Müller & Söhne", "写真館"])
def test_a_name_may_be_in_any_language(ledger: Ledger, name: str) -> None:
    assert create_account(ledger, name).name == name


@pytest.mark.parametrize(
    "email",
    [
        *("", "anna", "anna@", "@example.com", "a@b@example.com", "anna@example", "anna@.com", "anna@example."),
        *("a b@c.de", "anna@example.com\n", "an\x1bna@example.com", "a@" + "b" * 250 + ".de"),
        "a" * 65 + "@example.com",
    ],
)
def test_what_is_no_address_makes_no_account(ledger: Ledger, email: str) -> None:
    with pytest.raises(InvalidRequest, match="no e-mail address"):
        create_account(ledger, "studio", email=email)
    assert list_accounts(ledger) == []


@pytest.mark.parametrize("email", ["anna@example.com", "a.b+c@mail.example.co.uk", "müller@bücher.example"])
def test_a_plausible_address_is_kept(ledger: Ledger, email: str) -> None:
    assert create_account(ledger, "studio", email=email).email == email


def test_a_refused_account_is_a_sentence(darkroom: CommandLine) -> None:
    code, out, err = darkroom.run("accounts", "create", "  ")
    assert (code, out) == (1, "")
    assert err == "A name has 1 to 100 printable characters, and no space at either end.\n"
