"""Accounts, their plans, bearer tokens and webhook endpoints."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from pipeline.store.base import Base, created_at, uuid_pk


class PlanRow(Base):
    """How much an account may do. NULL is no limit."""

    __tablename__ = "plans"

    name: Mapped[str] = mapped_column(primary_key=True)
    concurrent_jobs: Mapped[int | None]
    creates_per_minute: Mapped[int | None]
    reads_per_minute: Mapped[int | None]


class AccountRow(Base):
    __tablename__ = "accounts"

    id: Mapped[uuid_pk]
    name: Mapped[str] = mapped_column(unique=True)
    email: Mapped[str | None]
    plan_name: Mapped[str] = mapped_column(ForeignKey("plans.name"))
    keeps_biometrics: Mapped[bool] = mapped_column(default=True)
    """False: face vectors and thumbnails of this account's pictures are never stored."""
    critical_tags: Mapped[list[Any]] = mapped_column(default=list)
    """Words that are critical to this customer, whatever they mean to others."""
    created_at: Mapped[created_at]


class TokenRow(Base):
    """A bearer token. The secret itself is shown once and never stored: `digest` is its SHA-256."""

    __tablename__ = "tokens"

    id: Mapped[uuid_pk]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    prefix: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[created_at]


class EndpointRow(Base):
    """Where an account wants to hear of its jobs when a job names no webhook of its own."""

    __tablename__ = "endpoints"

    id: Mapped[uuid_pk]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), unique=True)
    url: Mapped[str]
    secret_sealed: Mapped[str]
    enabled: Mapped[bool] = mapped_column(default=True)
    disabled_reason: Mapped[str | None]
    failing_since: Mapped[datetime | None]
    created_at: Mapped[created_at]


def account_named(session: Session, name: str) -> AccountRow | None:
    return session.scalar(select(AccountRow).where(AccountRow.name == name))


def lock_account(session: Session, account_id: UUID) -> None:
    """Nobody else accepts work for this account until the transaction ends: limits are counted exactly."""
    session.execute(select(AccountRow.id).where(AccountRow.id == account_id).with_for_update())


def accounts_by_name(session: Session) -> Sequence[AccountRow]:
    return session.scalars(select(AccountRow).order_by(AccountRow.name)).all()


def valid_token(session: Session, digest: str) -> tuple[TokenRow, AccountRow, PlanRow] | None:
    """The unexpired, unrevoked token with this digest, its account and plan."""
    row = session.execute(
        select(TokenRow, AccountRow, PlanRow)
        .join(AccountRow, AccountRow.id == TokenRow.account_id)
        .join(PlanRow, PlanRow.name == AccountRow.plan_name)
        .where(TokenRow.digest == digest, TokenRow.revoked_at.is_(None), TokenRow.expires_at > func.now())
    ).first()
    return None if row is None else (row[0], row[1], row[2])


def tokens_of(session: Session, account_id: UUID) -> Sequence[TokenRow]:
    """Every token the account ever had, the oldest first."""
    return session.scalars(
        select(TokenRow).where(TokenRow.account_id == account_id).order_by(TokenRow.created_at, TokenRow.id)
    ).all()


def revoke(session: Session, account_id: UUID, *, prefix: str = "", digest: str | None = None) -> int:
    """The account's valid tokens with this beginning, or the one with this digest, are revoked; returns how many."""
    chosen = TokenRow.prefix.startswith(prefix, autoescape=True) if digest is None else TokenRow.digest == digest
    revoked = session.scalars(
        update(TokenRow)
        .where(
            TokenRow.account_id == account_id,
            chosen,
            TokenRow.revoked_at.is_(None),
            TokenRow.expires_at > func.now(),
        )
        .values(revoked_at=func.now())
        .returning(TokenRow.id)
    )
    return len(revoked.all())


def endpoint_of(session: Session, account_id: UUID) -> EndpointRow | None:
    return session.scalar(select(EndpointRow).where(EndpointRow.account_id == account_id))
