"""Cross-validation of heads, stacks and recipes.

`fold_workspaces.make_folds` gives every fold a manifest with its own split, in the folder
`cross-validation/` of the workspace. All folds share the features. Heads and ensembles of the folds
are runs with an identity, like those of a recipe. `cross_validate.cross_validate` trains what is
missing, joins the test predictions of all folds into one table, and judges them as one result.
"""
