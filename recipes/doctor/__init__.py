"""The state of this machine and of a workspace: `medusa doctor`.

A workspace comes in; one condition for each part goes out: Python, torch, ffmpeg, the optional
libraries, the disk, the Hugging Face Hub (only if it is asked for), and the workspace itself. Each
condition that is not good has an advice.
The door: `diagnose`. `machine.py` looks at the machine, `contents.py` at the workspace.
"""
