"""What a head is and how it is trained: plain fields, read strictly from YAML."""

from medusa.heads.config.settings import (
    CONFIGS,
    Config,
    ConfigError,
    HeadConfig,
    LossConfig,
    MixupConfig,
    StageConfig,
    TrainConfig,
    file_of,
    load,
)

__all__ = [
    "CONFIGS",
    "Config",
    "ConfigError",
    "HeadConfig",
    "LossConfig",
    "MixupConfig",
    "StageConfig",
    "TrainConfig",
    "file_of",
    "load",
]
