"""People whom an account knows: its allow-list, by face vectors."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from pipeline.store.base import Base, created_at, uuid_pk


class KnownPersonRow(Base):
    __tablename__ = "known_people"

    id: Mapped[uuid_pk]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    name: Mapped[str]
    created_at: Mapped[created_at]

    __table_args__ = (UniqueConstraint("account_id", "name"),)


class KnownFaceRow(Base):
    """One vector of a known person: 128 numbers of length 1. Gone with its person."""

    __tablename__ = "known_faces"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("known_people.id", ondelete="CASCADE"), index=True)
    embedding: Mapped[list[Any]]


def people_of(session: Session, account_id: UUID) -> Sequence[tuple[KnownPersonRow, int]]:
    """By name, each with the number of its faces."""
    rows = session.execute(
        select(KnownPersonRow, func.count(KnownFaceRow.id))
        .outerjoin(KnownFaceRow, KnownFaceRow.person_id == KnownPersonRow.id)
        .where(KnownPersonRow.account_id == account_id)
        .group_by(KnownPersonRow.id)
        .order_by(KnownPersonRow.name)
    )
    return [(row[0], row[1]) for row in rows]


def people_count(session: Session, account_id: UUID) -> int:
    return (
        session.scalar(select(func.count()).select_from(KnownPersonRow).where(KnownPersonRow.account_id == account_id))
        or 0
    )


def person_of(session: Session, account_id: UUID, person_id: UUID) -> KnownPersonRow | None:
    return session.scalar(
        select(KnownPersonRow).where(KnownPersonRow.account_id == account_id, KnownPersonRow.id == person_id)
    )


def person_named(session: Session, account_id: UUID, name: str) -> KnownPersonRow | None:
    return session.scalar(
        select(KnownPersonRow).where(KnownPersonRow.account_id == account_id, KnownPersonRow.name == name)
    )


def faces_of(session: Session, account_id: UUID) -> Sequence[tuple[str, list[Any]]]:
    """Name and vector of every face that the account knows."""
    rows = session.execute(
        select(KnownPersonRow.name, KnownFaceRow.embedding)
        .join(KnownFaceRow, KnownFaceRow.person_id == KnownPersonRow.id)
        .where(KnownPersonRow.account_id == account_id)
        .order_by(KnownFaceRow.id)
    )
    return [(row[0], row[1]) for row in rows]
