"""Bundles: a folder with everything that a trained model needs, and nothing of its workspace.

A finished run goes in (`write`), a folder comes out: the weights and the settings of all members,
the record of features and texts, a model card, and the checksum of every file. `load` turns the
folder into a `Model` again, on any machine. `hub` moves bundles to and from the Hugging Face Hub.
A bundle is data of a stranger: nothing in it is unpickled or run, and no name in it is followed
out of its folder.

The door: `write.write_bundle`, `load.load_bundle`, `hub.push_bundle`, `hub.pull_bundle`.
"""
