"""Originals that customers sent by hand instead of by URL."""

from uuid import UUID

from sqlalchemy import ForeignKey, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from pipeline.store.base import Base, created_at, uuid_pk
from pipeline.store.items import ItemRow


class UploadRow(Base):
    __tablename__ = "uploads"

    id: Mapped[uuid_pk]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    key: Mapped[str]
    name: Mapped[str]
    bytes: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[created_at]


def unused_bytes(session: Session, account_id: UUID) -> int:
    """The bytes of the account's uploads that no batch has used yet."""
    used = select(ItemRow.id).where(ItemRow.upload_id == UploadRow.id).exists()
    total = session.scalar(select(func.sum(UploadRow.bytes)).where(UploadRow.account_id == account_id, ~used))
    return int(total or 0)
