"""The built-in model: our own grammar for shop requests in Chinese and English. Not a mock; needs no key.

``understand`` turns a message into a plan of intents, ``acts`` carry each out through the tools, ``thread`` plays the
conversation from its messages. Cue words and answers are data files.
"""

from app.llm.builtin.model import BuiltinModel, warm_up

__all__ = ["BuiltinModel", "warm_up"]
