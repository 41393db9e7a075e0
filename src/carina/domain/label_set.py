"""The ordered class names."""

from collections.abc import Mapping

from pydantic import Field, model_validator

from carina.domain.document import Plain


class LabelSet(Plain):
    """The ordered class names of a data set or a classifier.

    Attributes:
        names: the classes, in the order of the network's outputs.
        exclusive: True if a film has exactly one of them (always so in this version).
        aliases: other spellings -> a name.
    """

    names: tuple[str, ...]
    exclusive: bool = True
    aliases: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_distinct(self) -> "LabelSet":
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"class names repeat: {', '.join(self.names)}")
        unknown = sorted(set(self.aliases.values()) - set(self.names))
        if unknown:
            raise ValueError(f"aliases point at unknown classes: {', '.join(unknown)}")
        return self

    def __len__(self) -> int:
        return len(self.names)

    def index(self, label: str) -> int:
        """Return the position of `label` (a name or an alias).

        Raises:
            ValueError: if it is neither.

        >>> LabelSet(names=("COVID", "Normal"), aliases={"healthy": "Normal"}).index("healthy")
        1
        """
        return self.names.index(self.aliases.get(label, label))
