"""What all rows share."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import DateTime, Enum, MetaData, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

uuid_pk = Annotated[UUID, mapped_column(primary_key=True, default=uuid4)]
created_at = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]


def now() -> Any:
    """The database's time at the begin of the transaction, as an expression: no clock of ours is in a comparison."""
    return func.now()


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        # Words, not a Postgres type: a new word then needs no migration.
        StrEnum: Enum(
            StrEnum, native_enum=False, length=32, values_callable=lambda words: [word.value for word in words]
        ),
    }
