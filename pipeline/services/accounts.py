"""Accounts, tokens and webhook endpoints: who may call, and whom we tell."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pipeline.errors import Conflict, InvalidRequest, NotFound, Unauthenticated
from pipeline.services.line import Ledger
from pipeline.store import Session
from pipeline.store.accounts import (
    AccountRow,
    EndpointRow,
    PlanRow,
    TokenRow,
    account_named,
    accounts_by_name,
    endpoint_of,
    revoke,
    tokens_of,
    valid_token,
)

TOKEN_PREFIX = "dk_"  # noqa: S105 - what every token begins with, no secret
PREFIX_CHARS = 8
"""So much of a token is kept in the clear, to tell one from another: `dk_` and 5 of 43 random characters."""
TOKEN_DAYS = 3650
"""Contract section 1: a token lasts ten years unless asked otherwise."""

NAME_CHARS = 100
EMAIL_CHARS = 254
"""RFC 5321, 4.5.3.1.3, as erratum 1690 to RFC 3696 counts it."""
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
"""Plausible, no more: only a message that arrives proves an address."""

PLANS = (
    PlanRow(name="standard", concurrent_jobs=10, creates_per_minute=10, reads_per_minute=60),
    PlanRow(name="unlimited", concurrent_jobs=None, creates_per_minute=None, reads_per_minute=None),
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and what the plan allows. None is no limit."""

    account_id: UUID
    name: str
    email: str | None
    concurrent_jobs: int | None
    creates_per_minute: int | None
    reads_per_minute: int | None


@dataclass(frozen=True, slots=True)
class AccountView:
    id: UUID
    name: str
    email: str | None
    plan: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AnalysisRules:
    """By which rules an account's pictures and videos are analyzed."""

    critical_tags: list[str]
    """Words that are critical to this customer, besides the moderation labels."""
    keeps_biometrics: bool
    """False: face vectors and thumbnails are never stored, and no result carries any."""


def analysis_rules(ledger: Ledger, account_id: UUID) -> AnalysisRules:
    with ledger.database.session() as session:
        row = session.get_one(AccountRow, account_id)
        return AnalysisRules(list(row.critical_tags), row.keeps_biometrics)


def change_analysis_rules(
    ledger: Ledger, account_id: UUID, *, critical_tags: Sequence[str] | None, keeps_biometrics: bool | None
) -> AnalysisRules:
    """The rules for jobs accepted from now on; None leaves one as it is."""
    with ledger.database.session() as session:
        row = session.get_one(AccountRow, account_id, with_for_update=True)
        if critical_tags is not None:
            row.critical_tags = sorted({tag.strip().lower() for tag in critical_tags if tag.strip()})
        if keeps_biometrics is not None:
            row.keeps_biometrics = keeps_biometrics
        return AnalysisRules(list(row.critical_tags), row.keeps_biometrics)


def create_account(ledger: Ledger, name: str, *, plan: str = "standard", email: str | None = None) -> AccountView:
    """The account exists; raises `InvalidRequest` for what is no name or address, `Conflict` when the name is taken."""
    _require_name(name)
    if email is not None:
        _require_email(email)
    with ledger.database.session() as session:
        if session.get(PlanRow, plan) is None:
            names = ", ".join(known.name for known in PLANS)
            raise InvalidRequest({"plan": [f"There is no plan {plan!r}; the plans are: {names}."]})
        if account_named(session, name) is not None:
            raise Conflict(f"There is an account named {name!r} already.")
        row = AccountRow(name=name, email=email, plan_name=plan)
        session.add(row)
        session.flush()
        session.refresh(row)
        return _view(row)


def _require_name(name: str) -> None:
    """Names stand in tables, logs and webhooks: nothing in them hides, breaks a line or moves a cursor."""
    if not 0 < len(name) <= NAME_CHARS or not name.isprintable() or name != name.strip():
        words = f"A name has 1 to {NAME_CHARS} printable characters, and no space at either end."
        raise InvalidRequest({"name": [words]})


def _require_email(email: str) -> None:
    if len(email) > EMAIL_CHARS or not email.isprintable() or _EMAIL.fullmatch(email) is None:
        words = f"This is no e-mail address: one has the form name@example.com and at most {EMAIL_CHARS} characters."
        raise InvalidRequest({"email": [words]})


def list_accounts(ledger: Ledger) -> list[AccountView]:
    with ledger.database.session() as session:
        return [_view(row) for row in accounts_by_name(session)]


def create_token(ledger: Ledger, account: str, *, days: float = TOKEN_DAYS) -> str:
    """A new bearer token of the account. It is shown this once: only its digest is kept."""
    if not days > 0:
        raise InvalidRequest({"days": ["The lifetime must be more than 0 days."]})
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with ledger.database.session() as session:
        row = _account(session, account)
        try:
            expires_at = datetime.now(UTC) + timedelta(days=days)
        except OverflowError as error:
            raise InvalidRequest({"days": ["The lifetime is too long: at most 2900000 days."]}) from error
        session.add(
            TokenRow(account_id=row.id, prefix=token[:PREFIX_CHARS], digest=token_digest(token), expires_at=expires_at)
        )
    return token


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token without what it opens: nobody can call with a prefix."""

    prefix: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def list_tokens(ledger: Ledger, account: str) -> list[TokenView]:
    """Every token the account ever had, the oldest first."""
    with ledger.database.session() as session:
        rows = tokens_of(session, _account(session, account).id)
        return [TokenView(row.prefix, row.created_at, row.expires_at, row.revoked_at) for row in rows]


def revoke_tokens(ledger: Ledger, account: str, *, prefix: str = "") -> int:
    """The account's tokens that begin with this are refused from now on; returns how many were valid until now.

    A whole token in place of a prefix stands for itself alone. Raises `InvalidRequest` for anything else that is
    longer than the part of a token that is known here.
    """
    with ledger.database.session() as session:
        row = _account(session, account)
        if len(prefix) <= PREFIX_CHARS:
            return revoke(session, row.id, prefix=prefix)
        digest = token_digest(prefix)
        if digest not in {token.digest for token in tokens_of(session, row.id)}:
            words = f"The account has no such token, and a prefix has at most {PREFIX_CHARS} characters: "
            raise InvalidRequest({"prefix": [f"{words}see `darkroom tokens list {account}`."]})
        return revoke(session, row.id, digest=digest)


def authenticate(ledger: Ledger, token: str) -> Caller:
    """Who this token belongs to; raises `Unauthenticated` for one that is unknown, expired or revoked."""
    with ledger.database.session() as session:
        found = valid_token(session, token_digest(token))
        if found is None:
            raise Unauthenticated()
        _, account, plan = found
        return Caller(
            account_id=account.id,
            name=account.name,
            email=account.email,
            concurrent_jobs=plan.concurrent_jobs,
            creates_per_minute=plan.creates_per_minute,
            reads_per_minute=plan.reads_per_minute,
        )


def token_digest(token: str) -> str:
    """SHA-256 is enough for 256 random bits: there is nothing to guess by dictionary."""
    return hashlib.sha256(token.encode()).hexdigest()


def register_endpoint(ledger: Ledger, account: str, url: str, *, secret: str | None = None) -> str:
    """The account's batches are told to this URL; returns the signing secret (a new one unless given)."""
    secret = secret or secrets.token_hex(32)
    with ledger.database.session() as session:
        row = _account(session, account)
        endpoint = endpoint_of(session, row.id)
        if endpoint is None:
            endpoint = EndpointRow(account_id=row.id, url=url, secret_sealed="")
            session.add(endpoint)
        endpoint.url, endpoint.secret_sealed = url, ledger.key.seal(secret)
        endpoint.enabled, endpoint.disabled_reason, endpoint.failing_since = True, None, None
    return secret


@dataclass(frozen=True, slots=True)
class EndpointView:
    url: str
    enabled: bool
    disabled_reason: str | None
    failing_since: datetime | None


def show_endpoint(ledger: Ledger, account_id: UUID) -> EndpointView:
    with ledger.database.session() as session:
        row = endpoint_of(session, account_id)
        if row is None:
            raise NotFound("The account has no webhook endpoint.")
        return EndpointView(row.url, row.enabled, row.disabled_reason, row.failing_since)


def install_plans(session: Session) -> None:
    """The built-in plans exist; an operator's changes to them stay."""
    for plan in PLANS:
        if session.get(PlanRow, plan.name) is None:
            session.add(
                PlanRow(
                    name=plan.name,
                    concurrent_jobs=plan.concurrent_jobs,
                    creates_per_minute=plan.creates_per_minute,
                    reads_per_minute=plan.reads_per_minute,
                )
            )


def _account(session: Session, name: str) -> AccountRow:
    row = account_named(session, name)
    if row is None:
        raise NotFound(f"There is no account named {name!r}: make one with `darkroom accounts create`.")
    return row


def _view(row: AccountRow) -> AccountView:
    return AccountView(row.id, row.name, row.email, row.plan_name, row.created_at)
