"""The small profile of a recipe: little data, small heads, cheap features in place of some."""

import dataclasses

from medusa.recipes.definition.recipe import Ablation, Feature, Recipe, swap


def tiny_profile(recipe: Recipe) -> Recipe:
    """Return the small profile: its settings override those of the recipe and of every head."""
    small = recipe.tiny
    heads = {
        name: dataclasses.replace(
            head,
            features=tuple(dict.fromkeys(swap(one, small.features) for one in head.features)),
            set=head.set | {key: small.set[key] for key in head.set if key in small.set},
        )
        for name, head in recipe.heads.items()
    }
    ablations = {name: _swapped(one, small.features) for name, one in recipe.ablations.items()}
    used = {one.partition(":")[0] for head in heads.values() for one in head.features}
    used |= {new for one in ablations.values() for new in one.features.values()}
    known = {name: Feature() for name in small.features.values()} | recipe.features
    return dataclasses.replace(
        recipe,
        config=small.config,
        set=recipe.set | small.set,
        repeats=small.repeats,
        heads=heads,
        ablations=ablations,
        features={name: one for name, one in known.items() if name in used},
    )


def _swapped(one: Ablation, swapped: dict[str, str]) -> Ablation:
    pairs = {swap(old, swapped): swap(new, swapped) for old, new in one.features.items()}
    return dataclasses.replace(one, features=pairs)
