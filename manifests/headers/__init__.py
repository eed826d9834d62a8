"""Headers of recordings give the size or the number of frames of the sound; both may be wrong.

`containers.py` reads the size in wav, AIFF, 8SVX, AU, W64, CAF, VOC and SPHERE files, and `mp3.py`
counts the frames of an mp3. The door is `audio.opened`, which opens a recording with a correct
header.
"""
