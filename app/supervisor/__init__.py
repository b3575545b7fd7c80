"""`make run`: one foreground process that starts, watches and stops the whole shop.

It uses the standard library and the settings only, so that it starts in a blink and survives what it watches.
"""
