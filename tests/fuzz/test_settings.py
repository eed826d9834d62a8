"""Any text as YAML, in `medusa.yaml`, in configurations and in `--set`: values or one sentence."""

from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medusa.heads.config import load
from medusa.heads.config.settings import CONFIGS
from medusa.recipes.definition.files import SHIPPED
from medusa.recipes.definition.load import load as load_recipe
from medusa.strict import read_yaml
from medusa.tests.counts import count
from medusa.tests.fuzz.judge import INPUTS, each_seed, judged, raise_collected
from medusa.tests.fuzz.mutate import mutated
from medusa.workspace import Workspace

EXAMPLES = settings(
    max_examples=count(INPUTS, 150, 10_000),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
SINGLE = "[]{},:-?&*!|>'\"%@`# \n\t~<=0123456789.eE_abtfn/\\"
SIGNS = st.sampled_from([*SINGLE, "&a ", "*a", "<<: "])
YAML = st.lists(SIGNS, max_size=60).map("".join) | st.text(max_size=60)
KEYS = st.sampled_from(["head.width", "stages.0.lr", "stages", "mixup.p", "seed", "head", "x.y.z"])


@given(YAML)
@EXAMPLES
def test_any_text_is_yaml_or_refused(text: str) -> None:
    try:
        read_yaml(text)
    except yaml.YAMLError as problem:
        assert str(problem)


@given(st.tuples(KEYS, YAML).map("=".join) | YAML)
@EXAMPLES
def test_any_setting_of_a_head(override: str) -> None:
    judged(lambda: load("small", (override,)))
    raise_collected()


def test_damaged_files_of_settings(tmp_path: Path) -> None:
    head, recipe = tmp_path / "head.yaml", tmp_path / "recipe.yaml"
    heads = (CONFIGS / "medusa.yaml").read_bytes()
    recipes = (SHIPPED / "chen-2024.yaml").read_bytes()
    for seed in each_seed(150, 5.0):
        head.write_bytes(mutated(heads, seed))
        judged(lambda: load(str(head)))
        recipe.write_bytes(mutated(recipes, seed))
        judged(lambda: load_recipe(str(recipe)))
        (tmp_path / "medusa.yaml").write_bytes(mutated(b"runs: my runs\nfeatures: f\n", seed))
        judged(lambda: Workspace.open(tmp_path))
