"""How much a submission may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Seconds, of which those do not count in which the machine was busy with others, and bytes; all far above what an
    honest answer needs."""

    call: float = 30
    cell: float = 60
    total: float = 300
    memory: int = 4 * 2**30
