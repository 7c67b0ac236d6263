"""`keys:` virtual keys: who may call."""

from __future__ import annotations

from pydantic import Field

from headgate.config.secrets import SecretRef
from headgate.config.sections.base import AliasName, Name, Section


class Key(Section):
    """A key that we issued to a caller."""

    name: Name = Field(description="Its name in logs.")
    secret: SecretRef = Field(description="What the caller shows: ${env:NAME} or ${file:PATH}.")
    aliases: list[AliasName] | None = Field(
        default=None, description="The aliases that it may ask for; absent: every alias and every model."
    )
    passthrough: bool = Field(default=False, description="Whether it may make calls that name no model.")
