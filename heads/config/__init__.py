"""Configurations: the settings of a head and of its training, read strictly from YAML.

The name of a preset or the path of a file comes in, with `key=value` overrides; a frozen `Config`
goes out, with `HeadConfig`, `LossConfig`, `MixupConfig`, `TrainConfig` and its stages. `settings`
declares every field with its default and its allowed values; `presets/` has the YAML files. All
unknown keys and impossible values are listed in one error.

This room imports only modules at the root. Its door: `load` and `Config`.
"""

from medusa.heads.config.settings import (
    CONFIGS,
    Config,
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
    "HeadConfig",
    "LossConfig",
    "MixupConfig",
    "StageConfig",
    "TrainConfig",
    "file_of",
    "load",
]
