"""The label schemes of published work have names; they are written as on the command line."""

_ANGRY, _SAD = "angry+anger=angry", "sad+sadness=sad"
_HAPPY, _FEAR = "happy+happiness+joy=happy", "fear+fearful=fear"
_DISGUST, _SURPRISE = "disgust+disgusted=disgust", "surprise+surprised=surprise"
_EXCITED, _FRUSTRATED = "excited+excitement=excited", "frustrated+frustration=frustrated"
_MERGED = "happy+happiness+joy+excited+excitement=happy"

# The order of a scheme is the order of its logits, columns and confusion matrices.
SCHEMES = {
    "msp-8": ",".join([_ANGRY, _SAD, _HAPPY, _SURPRISE, _FEAR, _DISGUST, "contempt", "neutral"]),
    "six": ",".join([_ANGRY, _DISGUST, _FEAR, _HAPPY, "neutral", _SAD]),
    "four": ",".join([_ANGRY, _MERGED, "neutral", _SAD]),
    "iemocap-6": ",".join([_ANGRY, _EXCITED, _FRUSTRATED, _HAPPY, "neutral", _SAD]),
}
