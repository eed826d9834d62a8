"""The declared dependencies are the imported ones, and those of one format or command load late."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from medusa.tests import house
from medusa.tests.house import imports

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WITH_TRANSFORMERS = {"tokenizers"}  # transformers pins its version, and only a demo imports it

ABSENT = {"mlflow": "mlflow-skinny"}  # an extra that the tests do not install


def normal(name: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[\[<>=;]", one)[0]) for one in requirements}


def imported() -> set[str]:
    """Return the distributions that production code imports, wherever in a file."""
    found = {name.split(".")[0] for path in house.production_files() for name in imports(path)}
    distributions = importlib.metadata.packages_distributions()
    third = found - sys.stdlib_module_names - {"medusa"}
    return {normal(distributions.get(name, [ABSENT.get(name, name)])[0]) for name in third}


def test_every_imported_distribution_is_declared():
    extras = [one for group in PROJECT["optional-dependencies"].values() for one in group]
    known = names(PROJECT["dependencies"]) | names(extras) | WITH_TRANSFORMERS
    assert imported() - known == set()


def test_the_tests_install_every_extra_but_two_that_have_stand_ins():
    extras = PROJECT["optional-dependencies"]

    def chosen(requirement: str) -> list[str]:
        inside = re.fullmatch(r"medusa-ser\[(.*)\]", requirement)
        return [one for name in inside[1].split(",") for one in extras[name]] if inside else []

    installed = [one for wanted in extras["dev"] for one in (wanted, *chosen(wanted))]
    installed += [one for wanted in installed for one in chosen(wanted)]
    lacking = {name for name, needed in extras.items() if names(needed) - names(installed)}
    assert lacking == {"mlflow", "wandb"}  # tests/heads/tracking has stand-ins for these.


def test_every_declared_dependency_is_imported_and_justified():
    declared = names(PROJECT["dependencies"])
    assert declared - imported() == set()
    decisions = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    _, _, table = decisions.partition("| library | reason |\n")
    assert declared == {normal(name) for name in re.findall(r"^\| (\w[\w-]*) \| ", table, re.M)}


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import medusa", {"click", "numpy", "torch"}),
        ("import medusa.cache; medusa.cache.FeatureStore", {"torch", "zarr", "h5py"}),
        ("from medusa.cache.exchange.convert import exchange; exchange('npy')", {"h5py", "zarr"}),
        ("import medusa.manifests.manifest", {"torch", "soundfile", "soxr"}),
        ("import medusa.heads.fitting.fit", {"scipy", "sklearn", "jinja2", "h5py", "zarr"}),
        (
            "import medusa.extract.extract_features",
            {"transformers", "tokenizers", "huggingface_hub", "whisper", "h5py", "zarr"},
        ),
    ],
)
def test_libraries_of_one_format_or_command_load_late(code, unwanted):
    code = f"import sys\n{code}\nprint(sorted({unwanted!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_programs_that_use_the_package_see_its_types():
    assert (ROOT / "py.typed").is_file()
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert data["tool"]["setuptools"]["package-data"]["medusa"] == ["py.typed"]
