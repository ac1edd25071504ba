"""Uploaded forms: one file at most and a few fields, spooled to disk, never whole in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from services.gateway.http.problem import FieldError, InvalidFields

FORM_TYPE = "multipart/form-data"
_BLOCK_BYTES = 256 * 1024
_MAX_FIELDS = 16
_MAX_FIELD_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class FormFile:
    """The file of a form; it can be read again and again."""

    field: str
    name: str
    upload: UploadFile

    async def blocks(self) -> AsyncIterator[bytes]:
        """Its bytes from the start."""
        await self.upload.seek(0)
        while block := await self.upload.read(_BLOCK_BYTES):
            yield block


@dataclass(frozen=True, slots=True)
class Form:
    """What a form held."""

    fields: dict[str, str]
    file: FormFile | None

    def only(self, file: str, *names: str) -> FormFile:
        """The file; raises InvalidFields when it is missing or anything else was sent."""
        wrong = [
            FieldError(location=f"body.{name}", message="this field is not known")
            for name in self.fields
            if name not in names
        ]
        if self.file is None:
            wrong.append(FieldError(location=f"body.{file}", message="a file is required"))
        elif self.file.field != file:
            wrong.append(
                FieldError(location=f"body.{self.file.field}", message="this file is not known")
            )
        if self.file is None or wrong:
            raise InvalidFields(wrong)
        return self.file


async def read_form(request: Request) -> Form:
    """Reads the whole form, big files onto disk. Raises HTTPException 400 when it is malformed."""
    data = await request.form(max_files=1, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD_BYTES)
    return _form(data)


def _form(data: FormData) -> Form:
    fields: dict[str, str] = {}
    file: FormFile | None = None
    for name, value in data.multi_items():
        if name in fields or (file and file.field == name):
            raise InvalidFields([FieldError(location=f"body.{name}", message="sent twice")])
        if isinstance(value, UploadFile):
            file = FormFile(name, value.filename or "", value)
        else:
            fields[name] = value
    return Form(fields, file)
