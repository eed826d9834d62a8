"""`medusa card`: the checklist of reproducibility that papers ask for, about one run.

A finished run of a workspace comes in. `card_facts` collects the facts that the run, its members,
its manifest and its feature stores have recorded. `card_text` writes them as a checklist in
Markdown. An open box marks a fact that nothing has recorded.
"""
