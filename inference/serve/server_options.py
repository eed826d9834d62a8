"""The address and the limits of a server, checked before any work begins."""

from dataclasses import dataclass

from medusa.errors import ConfigError
from medusa.strict import parts_of

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class ServerLimits:
    """The less common settings; on the command line, `--set NAME=VALUE`.

    Attributes:
        max_bytes: the longest request in bytes.
        max_seconds: the longest clip in seconds.
        max_waiting: the most predictions that may be in progress; further ones are refused.
        batch: the most clips that are predicted at the same time.
        cors: the origins, separated by commas, whose pages may call the server; by default none.
    """

    max_bytes: int = 64 * 2**20
    max_seconds: float = 300.0
    max_waiting: int = 32
    batch: int = 16
    cors: str = ""

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_seconds", "max_waiting", "batch"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}={getattr(self, name)}: expected a number above 0")
        if self.max_seconds > 600:
            raise ConfigError(f"max_seconds={self.max_seconds:g}: expected at most 600")

    @property
    def origins(self) -> list[str]:
        """The origins whose pages may call the server."""
        return parts_of(self.cors)


@dataclass(frozen=True)
class ServerOptions(ServerLimits):
    """The address and the limits of a server.

    Attributes:
        address: the address to bind to. By default, only this machine can reach the server.
        port: the port; 0 chooses a free one.
    """

    address: str = "127.0.0.1"
    port: int = 8000

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.address in LOOPBACK
